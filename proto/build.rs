//! Compiles the protocol without `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=tribunal");
    let files = protox::compile(["tribunal/v1/session.proto", "tribunal/v1/control.proto"], ["."])?;
    tonic_prost_build::configure()
        // The large ones, so that a heartbeat does not take the room of a report.
        .boxed("tribunal.v1.AgentMessage.body.hello")
        .boxed("tribunal.v1.AgentMessage.body.sample")
        .boxed("tribunal.v1.AgentMessage.body.report")
        .boxed("tribunal.v1.AgentMessage.body.consumers_report")
        .boxed("tribunal.v1.CoordinatorMessage.body.prepare")
        .boxed("tribunal.v1.CoordinatorMessage.body.prepare_consumers")
        .boxed("tribunal.v1.CoordinatorMessage.body.calibrate")
        .compile_fds(files)?;
    Ok(())
}
