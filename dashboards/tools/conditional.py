"""Panels that may rightly be empty, by dashboard and title, each with the reason. All others have to have data."""

CONDITIONAL = {
    "kafka-producer-tuning": {
        "Failed Records by Error": "an error has a series from its first failure on, and a sound trial has none",
        "Request Latency of Drivers": "only clients that run in drivers tell it",
        "Errors in Produce Answers": "an error has a series from its first time on, and a sound trial has none",
    },
    "tribunal-fleet": {},
}
