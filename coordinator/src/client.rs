//! How the command line speaks to a coordinator.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio_stream::StreamExt;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tribunal_model::ids::ExperimentId;
use tribunal_proto::control::{AgentRow, CalibrationStep, ExperimentRow, FilePiece, Progress, Submission, Submitted};
use tribunal_proto::{Invalid, MAX_MESSAGE_BYTES, pb};
use tribunal_tls::{Insecure, Refusal, Security};

/// The messages of this interface, for crates that may not name the wire.
pub mod messages {
    pub use tribunal_proto::control::*;
}

/// A connection to a coordinator; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    control: pb::control_client::ControlClient<Channel>,
}

/// Why a coordinator did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none.
    #[error("{url:?} is no coordinator address; expected http://HOST:PORT or https://HOST:PORT")]
    Address {
        /// What was given.
        url: String,
    },
    /// It may not be dialled like this.
    #[error(transparent)]
    Insecure(#[from] Insecure),
    /// The two ends do not trust each other.
    #[error("{url}: {refusal}")]
    Untrusted {
        /// Where.
        url: String,
        /// Why.
        refusal: Refusal,
    },
    /// Nobody answers there.
    #[error("no coordinator answers at {url}; is `tribunal coordinator` running there?")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        source: tonic::transport::Error,
    },
    /// The connection ended while the experiment goes on.
    #[error("the connection to the coordinator was lost: {reason}")]
    Lost {
        /// What the transport says.
        reason: String,
    },
    /// The plan is wrong; the text is one line with file and line.
    #[error("{0}")]
    BadPlan(String),
    /// No such experiment, or it is not in a state for this.
    #[error("{0}")]
    Experiment(String),
    /// Refused for safety.
    #[error("{0}")]
    Refused(String),
    /// The coordinator failed.
    #[error("the coordinator failed: {0}")]
    Failed(String),
    /// The coordinator's answer means nothing to this build.
    #[error("the coordinator's answer cannot be understood")]
    Answer(#[source] Invalid),
    /// A file of the experiment's folder cannot be written here.
    #[error("{path} cannot be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Client {
    /// Connects to `http://HOST:PORT` or `https://HOST:PORT` within `timeout`.
    pub async fn connect(url: &str, security: &Security, timeout: Duration) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(tribunal_tls::uri(url))
            .map_err(|_| Error::Address { url: url.to_owned() })?
            .connect_timeout(timeout)
            .tcp_nodelay(true);
        let connector = security.dial(url)?;
        // Asked first: a channel without TLS takes any connection for a good one, and only its first call fails.
        if connector.is_none() && tribunal_tls::wants_tls(url).await {
            return Err(Error::Untrusted {
                url: url.to_owned(),
                refusal: Refusal::WantsTls,
            });
        }
        let channel = match connector {
            Some(connector) => endpoint.connect_with_connector(connector).await,
            None => endpoint.connect().await,
        };
        let channel = channel.map_err(|source| {
            let url = url.to_owned();
            match tribunal_tls::refusal(&source) {
                Some(refusal) => Error::Untrusted { url, refusal },
                None => Error::Unreachable { url, source },
            }
        })?;
        let control = pb::control_client::ControlClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        Ok(Self { control })
    }

    /// Hands a plan over; it runs when those before it have ended.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, Error> {
        let reply = self
            .control
            .clone()
            .submit(pb::Submission::from(submission))
            .await
            .map_err(Error::of)?;
        reply.into_inner().try_into().map_err(Error::Answer)
    }

    /// What happens to an experiment, from now to its end; the last one is [`Progress::Ended`].
    pub async fn watch(
        &self,
        id: ExperimentId,
    ) -> Result<impl tokio_stream::Stream<Item = Result<Progress, Error>> + Unpin + use<>, Error> {
        let reply = self
            .control
            .clone()
            .watch(reference(&id.to_string()))
            .await
            .map_err(Error::of)?;
        Ok(reply.into_inner().map(|progress| match progress {
            Ok(progress) => progress.try_into().map_err(Error::Answer),
            Err(status) => Err(Error::of(status)),
        }))
    }

    /// Calibrates the agents for a plan's cells; the last step is [`CalibrationStep::Done`] or
    /// [`CalibrationStep::Failed`].
    pub async fn calibrate(
        &self,
        submission: Submission,
    ) -> Result<impl tokio_stream::Stream<Item = Result<CalibrationStep, Error>> + Unpin + use<>, Error> {
        let reply = self
            .control
            .clone()
            .calibrate(pb::Submission::from(submission))
            .await
            .map_err(Error::of)?;
        Ok(reply.into_inner().map(|step| match step {
            Ok(step) => step.try_into().map_err(Error::Answer),
            Err(status) => Err(Error::of(status)),
        }))
    }

    /// Cancels an experiment, named by its id or a part of it.
    pub async fn cancel(&self, experiment: &str) -> Result<(), Error> {
        self.control
            .clone()
            .cancel(reference(experiment))
            .await
            .map_err(Error::of)?;
        Ok(())
    }

    /// Goes on with an interrupted experiment after its last finished trial.
    pub async fn resume(&self, experiment: &str) -> Result<(), Error> {
        self.control
            .clone()
            .resume(reference(experiment))
            .await
            .map_err(Error::of)?;
        Ok(())
    }

    /// Who is connected.
    pub async fn agents(&self) -> Result<Vec<AgentRow>, Error> {
        let reply = self
            .control
            .clone()
            .agents(pb::AgentsRequest {})
            .await
            .map_err(Error::of)?;
        reply
            .into_inner()
            .agents
            .into_iter()
            .map(|row| row.try_into().map_err(Error::Answer))
            .collect()
    }

    /// The experiments that the coordinator knows, oldest first.
    pub async fn experiments(&self) -> Result<Vec<ExperimentRow>, Error> {
        let reply = self
            .control
            .clone()
            .experiments(pb::ExperimentsRequest {})
            .await
            .map_err(Error::of)?;
        reply
            .into_inner()
            .experiments
            .into_iter()
            .map(|row| row.try_into().map_err(Error::Answer))
            .collect()
    }

    /// Copies an experiment's folder into `into`, which is made when missing.
    pub async fn folder(&self, experiment: &str, into: &Path) -> Result<(), Error> {
        let mut pieces = self
            .control
            .clone()
            .folder(reference(experiment))
            .await
            .map_err(Error::of)?
            .into_inner();
        let mut open: Option<(PathBuf, tokio::fs::File)> = None;
        while let Some(piece) = pieces.next().await {
            let piece = FilePiece::from(piece.map_err(Error::of)?);
            // The path comes from a peer: it may not lead out of the folder.
            let relative = Path::new(&piece.path);
            if relative
                .components()
                .any(|part| !matches!(part, std::path::Component::Normal(_)))
            {
                return Err(Error::Failed(format!("it sent the file name {:?}", piece.path)));
            }
            let path = into.join(relative);
            let failed = |source| Error::Write {
                path: path.clone(),
                source,
            };
            if open.as_ref().is_none_or(|(current, _)| *current != path) {
                if let Some((_, mut file)) = open.take() {
                    file.flush().await.map_err(failed)?;
                }
                if let Some(parent) = path.parent() {
                    tokio::fs::create_dir_all(parent).await.map_err(failed)?;
                }
                open = Some((path.clone(), tokio::fs::File::create(&path).await.map_err(failed)?));
            }
            if let Some((_, file)) = &mut open {
                file.write_all(&piece.bytes).await.map_err(failed)?;
            }
        }
        if let Some((path, mut file)) = open {
            file.flush().await.map_err(|source| Error::Write { path, source })?;
        }
        Ok(())
    }
}

fn reference(experiment: &str) -> pb::ExperimentRef {
    pb::ExperimentRef {
        text: experiment.to_owned(),
    }
}

impl Error {
    /// The inverse of the coordinator's mapping from its errors to a status.
    #[expect(clippy::needless_pass_by_value, reason = "so that it can be handed to `map_err`")]
    fn of(status: Status) -> Self {
        let text = status.message().to_owned();
        match status.code() {
            Code::InvalidArgument => Self::BadPlan(text),
            Code::NotFound | Code::FailedPrecondition => Self::Experiment(text),
            Code::PermissionDenied => Self::Refused(text),
            Code::Internal => Self::Failed(text),
            _ => Self::Lost { reason: text },
        }
    }
}
