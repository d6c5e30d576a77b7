"""Drivers of Python's Kafka producers for Tribunal; ../../PROTOCOL.md says what they do."""
