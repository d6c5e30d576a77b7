//! A domain message that became bytes comes back as it was.

use std::fmt::Debug;

use proptest::prelude::*;
use prost::Message;

use super::strategies::{control, session};
use crate::{Invalid, pb};

#[track_caller]
fn check<W, D>(domain: D) -> Result<(), TestCaseError>
where
    W: Message + Default + From<D>,
    D: Clone + Debug + PartialEq + TryFrom<W>,
    Invalid: From<D::Error>,
{
    let bytes = W::from(domain.clone()).encode_to_vec();
    let raw = W::decode(bytes.as_slice()).expect("own bytes decode");
    let back = D::try_from(raw).map_err(Invalid::from);
    prop_assert_eq!(back, Ok(domain));
    Ok(())
}

proptest! {
    #[test]
    fn coordinator_messages(domain in session::coordinator_message()) {
        check::<pb::CoordinatorMessage, _>(domain)?;
    }

    #[test]
    fn submissions(domain in control::submission()) {
        check::<pb::Submission, _>(domain)?;
    }

    #[test]
    fn acceptances(domain in control::submitted()) {
        check::<pb::Submitted, _>(domain)?;
    }

    #[test]
    fn references(domain in control::experiment_ref()) {
        check::<pb::ExperimentRef, _>(domain)?;
    }

    #[test]
    fn rows_of_agents(domain in control::agent_rows()) {
        check::<pb::AgentRows, _>(domain)?;
    }

    #[test]
    fn rows_of_experiments(domain in control::experiment_rows()) {
        check::<pb::ExperimentRows, _>(domain)?;
    }

    #[test]
    fn progress(domain in control::progress()) {
        check::<pb::Progress, _>(domain)?;
    }

    #[test]
    fn pieces_of_files(domain in control::file_piece()) {
        check::<pb::FilePiece, _>(domain)?;
    }

    #[test]
    fn steps_of_a_calibration(domain in control::calibration_step()) {
        check::<pb::CalibrationStep, _>(domain)?;
    }
}

proptest! {
    // A report holds up to 21 distributions of 184 KiB; a tenth of the cases is a report, another a sample.
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn agent_messages(domain in session::agent_message()) {
        check::<pb::AgentMessage, _>(domain)?;
    }
}
