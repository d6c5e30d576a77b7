use super::*;
use crate::objective::{Figure, FigureUnit, Goal, Relation};

#[track_caller]
fn condition(text: &str) -> (Figure, Relation, f64, String) {
    let objective = plan(&format!("[objective]\n{text}")).objective.unwrap();
    let [condition] = objective.conditions.as_slice() else {
        panic!("{objective:?}")
    };
    let condition = condition.clone();
    (condition.figure, condition.relation, condition.value, condition.text)
}

#[test]
fn an_objective_has_a_goal_and_conditions_in_written_order() {
    let objective = plan("[objective]\nresponse_p99 = \"<= 50ms\"\nmaximise = \"delivered_rate\"\nfailed = \"== 0\"")
        .objective
        .unwrap();
    assert_eq!(objective.goal, Some(Goal::Maximise(Figure::DeliveredRate)));
    let figures: Vec<Figure> = objective.conditions.iter().map(|condition| condition.figure).collect();
    assert_eq!(figures, [Figure::ResponseP99, Figure::Failed]);
    let objective = plan("objective.minimise = \"cpu_per_million\"").objective.unwrap();
    assert_eq!(objective.goal, Some(Goal::Minimise(Figure::CpuPerMillion)));
    assert_eq!(plan("").objective, None);
}

#[test]
fn a_condition_s_value_has_the_figure_s_unit() {
    let check = |text: &str, figure: Figure, relation: Relation, value: f64, written: &str| {
        assert_eq!(condition(text), (figure, relation, value, written.to_owned()));
    };
    check(
        "response_p999 = \" <=50ms \"",
        Figure::ResponseP999,
        Relation::AtMost,
        0.05,
        "<=50ms",
    );
    check(
        "delivered_rate = \">= 45k/s\"",
        Figure::DeliveredRate,
        Relation::AtLeast,
        45_000.0,
        ">= 45k/s",
    );
    check(
        "delivered_bytes = \"> 1MiB/s\"",
        Figure::DeliveredBytes,
        Relation::Above,
        1_048_576.0,
        "> 1MiB/s",
    );
    check(
        "delivered_share = \">= 99.5%\"",
        Figure::DeliveredShare,
        Relation::AtLeast,
        0.995,
        ">= 99.5%",
    );
    check(
        "delivered_share = \"< 0.9\"",
        Figure::DeliveredShare,
        Relation::Below,
        0.9,
        "< 0.9",
    );
    check("failed = \"== 0\"", Figure::Failed, Relation::Equal, 0.0, "== 0");
    check(
        "retries = \"< 1_000\"",
        Figure::Retries,
        Relation::Below,
        1000.0,
        "< 1_000",
    );
    check(
        "cpu_per_million = \"<= 1.5s\"",
        Figure::CpuPerMillion,
        Relation::AtMost,
        1.5,
        "<= 1.5s",
    );
    let set = parse(CLUSTER, &["objective.shed=== 0", "objective.response_p50=<= 5ms"]).unwrap();
    let texts: Vec<String> = set.objective.unwrap().conditions.into_iter().map(|c| c.text).collect();
    assert_eq!(texts, ["== 0", "<= 5ms"]);
}

#[test]
fn wrong_objectives_have_their_line() {
    let check = |text: &str, message: &str| {
        check(
            &format!("[objective]\n{text}"),
            &format!("plan.toml:4: objective.{message}"),
        );
    };
    check(
        "response_p99 = \"50ms\"",
        "response_p99: \"50ms\" says not how response_p99 has to stand to it; write \"<= 50ms\"",
    );
    check(
        "failed = 0",
        "failed: \"0\" says not how failed has to stand to it; write \"== 0\"",
    );
    check(
        "delivered_rate = \"45k/s\"",
        "delivered_rate: \"45k/s\" says not how delivered_rate has to stand to it; write \">= 45k/s\"",
    );
    check(
        "delivered_share = \"much\"",
        "delivered_share: \"much\" says not how delivered_share has to stand to it; write \">= 99%\"",
    );
    check(
        "response_p99 = [\"<= 50ms\"]",
        "response_p99: expected a condition such as \"<= 50ms\", found a list",
    );
    check(
        "response_p99 = \"<= 50\"",
        "response_p99: \"50\" has no unit; expected a duration such as \"30s\", \"500ms\" or \"1h30m\"",
    );
    check(
        "failed = \"< 1%\"",
        "failed: \"1%\" is no value of failed; expected a whole number such as \"0\"",
    );
    check(
        "delivered_rate = \">= 1MB/s\"",
        "delivered_rate: \"1MB/s\" is no value of delivered_rate; expected a rate in records such as \"45k/s\"",
    );
    check(
        "delivered_bytes = \">= 1k/s\"",
        "delivered_bytes: \"1k/s\" is no value of delivered_bytes; expected a rate in bytes such as \"100MB/s\"",
    );
    check(
        "delivered_share = \">= 99\"",
        "delivered_share: expected a share such as 0.05 or \"5%\" from 0 to 1, found 99",
    );
    check(
        "respnse_p99 = \"<= 1s\"",
        "respnse_p99: unknown figure; did you mean \"response_p99\"?",
    );
    check(
        "maximize = \"delivered_rate\"",
        "maximize: unknown figure; did you mean \"maximise\"?",
    );
    check(
        "maximise = \"rate\"",
        &format!(
            "maximise: \"rate\" is unknown; expected {}",
            crate::plan::reader::one_of(&Figure::ALL.map(Figure::name))
        ),
    );
    check(
        "maximise = \"delivered_rte\"",
        "maximise: \"delivered_rte\" is unknown; did you mean \"delivered_rate\"?",
    );
    self::check(
        "[objective]\nmaximise = \"delivered_rate\"\nminimise = \"response_p99\"",
        "plan.toml:5: objective.minimise: is set beside objective.maximise; keep one of the two",
    );
    self::check(
        "[objective]",
        "plan.toml:3: objective: names neither a goal nor a condition; write for example maximise = \"delivered_rate\" \
         or response_p99 = \"<= 50ms\"",
    );
}

#[test]
fn every_figure_has_an_example_that_can_be_read() {
    for figure in Figure::ALL {
        assert_eq!(Figure::named(figure.name()), Some(figure));
        let error = parse(&format!("{CLUSTER}objective.{figure} = \"?\""), &[]).unwrap_err();
        let example = error.message.split("write ").nth(1).unwrap().to_owned();
        let (_, _, value, _) = condition(&format!("{figure} = {example}"));
        assert_eq!(value == 0.0, figure.unit() == FigureUnit::Count);
    }
}
