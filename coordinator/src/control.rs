//! The gRPC service for command lines: with `session` and `client` the only place that names the wire.

use std::path::PathBuf;
use std::pin::Pin;

use tokio::io::AsyncReadExt;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};
use tribunal_proto::control::{Ended, FilePiece, Progress, Submission};
use tribunal_proto::pb::control_server::ControlServer;
use tribunal_proto::{MAX_MESSAGE_BYTES, pb};

use crate::docket::{Docket, Error};
use crate::fleet::Fleet;
use crate::progress::Watchers;
use crate::store;

/// Bytes of a file in one message.
const PIECE: usize = 256 * 1024;
/// Messages between a task and its stream.
const STREAM: usize = 64;

/// The gRPC service that command lines call.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) docket: Docket,
    pub(crate) fleet: Fleet,
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

impl Control {
    /// The service, to be added to a server.
    pub(crate) fn into_service(self) -> ControlServer<Self> {
        ControlServer::new(self).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }
}

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl pb::control_server::Control for Control {
    async fn submit(&self, request: Request<pb::Submission>) -> Result<Response<pb::Submitted>, Status> {
        let submission = Submission::from(request.into_inner());
        let submitted = self.docket.submit(&submission).map_err(|error| status(&error))?;
        Ok(Response::new(submitted.into()))
    }

    type WatchStream = Streamed<pb::Progress>;

    async fn watch(&self, request: Request<pb::ExperimentRef>) -> Result<Response<Self::WatchStream>, Status> {
        let watchers = self.docket.watch(&named(request)?).map_err(|error| status(&error))?;
        let (stream, outgoing) = mpsc::channel(STREAM);
        self.tasks.spawn(pass_on(watchers, stream));
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }

    async fn cancel(&self, request: Request<pb::ExperimentRef>) -> Result<Response<pb::CancelReply>, Status> {
        self.docket.cancel(&named(request)?).map_err(|error| status(&error))?;
        Ok(Response::new(pb::CancelReply {}))
    }

    async fn resume(&self, request: Request<pb::ExperimentRef>) -> Result<Response<pb::ResumeReply>, Status> {
        self.docket.resume(&named(request)?).map_err(|error| status(&error))?;
        Ok(Response::new(pb::ResumeReply {}))
    }

    async fn agents(&self, _: Request<pb::AgentsRequest>) -> Result<Response<pb::AgentRows>, Status> {
        Ok(Response::new(self.fleet.rows().into()))
    }

    async fn experiments(&self, _: Request<pb::ExperimentsRequest>) -> Result<Response<pb::ExperimentRows>, Status> {
        let rows = self.docket.experiments().map_err(|error| status(&error))?;
        Ok(Response::new(rows.into()))
    }

    type CalibrateStream = Streamed<pb::CalibrationStep>;

    async fn calibrate(&self, request: Request<pb::Submission>) -> Result<Response<Self::CalibrateStream>, Status> {
        let submission = Submission::from(request.into_inner());
        let (tell, told) = mpsc::channel(STREAM);
        let work = self.docket.calibrate(&submission, self.shutdown.clone(), tell);
        self.tasks.spawn(work.map_err(|error| status(&error))?);
        let steps = ReceiverStream::new(told).map(|step| Ok(step.into()));
        Ok(Response::new(Box::pin(steps)))
    }

    type FolderStream = Streamed<pb::FilePiece>;

    async fn folder(&self, request: Request<pb::ExperimentRef>) -> Result<Response<Self::FolderStream>, Status> {
        let store = self.docket.store();
        let find = || {
            let id = store.find(&named(request)?).map_err(|error| status(&error.into()))?;
            let files = store.files(id).map_err(|error| status(&error.into()))?;
            Ok::<_, Status>((store.folder(id), files))
        };
        let (folder, files) = find()?;
        let (stream, outgoing) = mpsc::channel(STREAM);
        self.tasks.spawn(async move {
            for file in files {
                if let Err(error) = send_file(&folder.join(&file), &file.to_string_lossy(), &stream).await {
                    let _ = stream
                        .send(Err(Status::internal(format!("{}: {error}", file.display()))))
                        .await;
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

fn named(request: Request<pb::ExperimentRef>) -> Result<String, Status> {
    String::try_from(request.into_inner()).map_err(|error| Status::not_found(error.to_string()))
}

/// The one mapping from this service's errors to a status; `client::Error::of` is its inverse.
fn status(error: &Error) -> Status {
    match error {
        Error::Plan(error) => Status::invalid_argument(error.to_string()),
        Error::Store(store::Error::NotOne { .. }) => Status::not_found(error.to_string()),
        Error::State { .. } | Error::Busy => Status::failed_precondition(error.to_string()),
        Error::Store(_) => {
            tracing::error!(%error, "the store failed");
            Status::internal(error.to_string())
        }
    }
}

/// Sends what a watcher is told until the experiment ends or the watcher goes away.
async fn pass_on(watchers: Watchers, stream: mpsc::Sender<Result<pb::Progress, Status>>) {
    let (first, mut events) = watchers.watch();
    let mut ended = false;
    for progress in first {
        ended |= matches!(progress, Progress::Ended(_));
        if stream.send(Ok(progress.into())).await.is_err() {
            return;
        }
    }
    while !ended {
        let progress = match events.recv().await {
            Ok(progress) => progress,
            // Missed lines are missed; the end is kept and comes with the next watch.
            Err(broadcast::error::RecvError::Lagged(missed)) => Progress::Note {
                text: format!("{missed} lines of progress were missed"),
            },
            Err(broadcast::error::RecvError::Closed) => Progress::Ended(Ended {
                ending: tribunal_proto::control::Ending::Interrupted,
                finished: 0,
                trials: 0,
                invalid: 0,
                reason: "the coordinator ended".to_owned(),
            }),
        };
        ended = matches!(progress, Progress::Ended(_));
        if stream.send(Ok(progress.into())).await.is_err() {
            return;
        }
    }
}

async fn send_file(
    path: &PathBuf,
    name: &str,
    stream: &mpsc::Sender<Result<pb::FilePiece, Status>>,
) -> std::io::Result<()> {
    let mut file = tokio::fs::File::open(path).await?;
    let mut first = true;
    loop {
        let mut bytes = vec![0; PIECE];
        let read = file.read(&mut bytes).await?;
        bytes.truncate(read);
        // An empty file is a file.
        if read == 0 && !first {
            return Ok(());
        }
        first = false;
        let piece = FilePiece {
            path: name.to_owned(),
            bytes,
        };
        if stream.send(Ok(piece.into())).await.is_err() {
            return Ok(());
        }
    }
}
