//! What happens while agents are calibrated.

use crate::control::{CalibrationRow, CalibrationStep, Ending};
use crate::convert::{Choice, agent_name, required};
use crate::{Invalid, pb};

impl From<CalibrationStep> for pb::CalibrationStep {
    fn from(domain: CalibrationStep) -> Self {
        use pb::calibration_step::{Done, Failed, Note, Step};
        let step = match domain {
            CalibrationStep::Note(text) => Step::Note(Note { text }),
            CalibrationStep::Row(row) => Step::Row(row.into()),
            CalibrationStep::Failed { ending, reason } => Step::Failed(Failed {
                ending: pb::Ending::from(ending).into(),
                reason,
            }),
            CalibrationStep::Done => Step::Done(Done {}),
        };
        Self { step: Some(step) }
    }
}

impl TryFrom<pb::CalibrationStep> for CalibrationStep {
    type Error = Invalid;

    fn try_from(raw: pb::CalibrationStep) -> Result<Self, Invalid> {
        use pb::calibration_step::{Done, Failed, Note, Step};
        let pb::CalibrationStep { step } = raw;
        Ok(match step.ok_or(Invalid::Missing("CalibrationStep.step"))? {
            Step::Note(Note { text }) => Self::Note(text),
            Step::Row(row) => Self::Row(row.try_into()?),
            Step::Failed(Failed { ending, reason }) => Self::Failed {
                ending: Ending::choose("CalibrationStep.Failed.ending", ending)?,
                reason,
            },
            Step::Done(Done {}) => Self::Done,
        })
    }
}

impl From<CalibrationRow> for pb::CalibrationRow {
    fn from(domain: CalibrationRow) -> Self {
        let CalibrationRow {
            agent,
            signature,
            calibration,
        } = domain;
        Self {
            agent: agent.to_string(),
            signature,
            calibration: Some(calibration.into()),
        }
    }
}

impl TryFrom<pb::CalibrationRow> for CalibrationRow {
    type Error = Invalid;

    fn try_from(raw: pb::CalibrationRow) -> Result<Self, Invalid> {
        let pb::CalibrationRow {
            agent,
            signature,
            calibration,
        } = raw;
        Ok(Self {
            agent: agent_name("CalibrationRow.agent", &agent)?,
            signature,
            calibration: required("CalibrationRow.calibration", calibration)?,
        })
    }
}
