use super::*;

#[test]
fn the_template_is_a_plan_that_shows_the_defaults() {
    let template = parse(TEMPLATE, &[]).unwrap();
    let bare = plan("");
    assert_eq!(template.agents, bare.agents);
    assert_eq!((template.prefix, template.topic), (bare.prefix, bare.topic));
    assert_eq!(
        Workload {
            rate: bare.workload.rate,
            ..template.workload
        },
        bare.workload
    );
    assert_eq!(
        (template.windows, template.repetitions),
        (bare.windows, bare.repetitions)
    );
    assert_eq!(
        (template.limits, template.preset, template.seed),
        (bare.limits, bare.preset, bare.seed)
    );
    assert_eq!(
        (template.settle, template.audit, &template.design),
        (bare.settle, bare.audit, &bare.design)
    );
    assert_eq!((template.objective, template.search), (bare.objective, bare.search));
    assert_eq!(template.consumers, bare.consumers);
}

#[test]
fn the_template_s_commented_lines_are_right_too() {
    // Each alternative, put in the place where its comment says it goes.
    for (section, line) in [
        ("agents.", "count = 2"),
        ("agents.", "names = [\"host-1\", \"host-2\"]"),
        (
            "cluster.properties.",
            "\"sasl.password\" = { env = \"KAFKA_PASSWORD\" }",
        ),
        (
            "cluster.properties.",
            "\"sasl.password\" = { file = \"/run/secrets/kafka\" }",
        ),
        ("topic.", "settings = { \"min.insync.replicas\" = 2 }"),
        (
            "workload.",
            "keys = { kind = \"zipf\", cardinality = 100_000, exponent = 1.0 }",
        ),
        ("workload.", "keys = { kind = \"sequence\", cardinality = 1_000 }"),
        ("workload.record.", "size = { uniform = [\"100B\", \"1KiB\"] }"),
        (
            "workload.record.",
            "size = { log_normal = { median = \"1KiB\", sigma = 1.0, max = \"64KiB\" } }",
        ),
        (
            "workload.record.",
            "size = { weighted = [[\"100B\", 9], [\"10KiB\", 1]] }",
        ),
        ("workload.record.", "samples = [\"order.json\"]"),
        ("workload.record.", "headers = { source = \"tribunal\" }"),
        ("design.", "preset = \"suggested\""),
        ("environment.", "brokers = \"3 x 8 cores, NVMe\""),
    ] {
        let text = line.split(" = ").nth(1).unwrap_or_default();
        assert!(TEMPLATE.contains(text), "{text}");
        plan(&format!("{section}{line}"));
    }
}

/// The lines of the template that stand under a heading in a comment, without their "# ".
fn commented(heading: &str) -> String {
    let from = TEMPLATE
        .find(&format!("# {heading}\n"))
        .unwrap_or_else(|| panic!("no {heading}"));
    let lines = TEMPLATE[from..].lines();
    let lines = lines
        .map_while(|line| line.strip_prefix("# "))
        .map(|line| format!("{line}\n"));
    lines.collect()
}

#[test]
fn the_template_s_commented_sections_are_right_too() {
    let objective = plan(&commented("[objective]")).objective.unwrap();
    assert_eq!((objective.goal.is_some(), objective.conditions.len()), (true, 3));
    let search = format!("{}{}", commented("[objective]"), commented("[search]"));
    let search = plan(&search).search.unwrap();
    let bare = plan("objective.failed = \"== 0\"\n[search]").search.unwrap();
    assert_eq!(search.confirm, Some(Duration::from_secs(600)));
    assert_eq!(
        SearchPlan {
            confirm: None,
            ..search
        },
        bare
    );
    let consumers = plan(&commented("[consumers]")).consumers.unwrap();
    assert_eq!((consumers.groups, consumers.members), (1, 4));
    let clusters = format!(
        "workload.rate = \"1/s\"\n[factors]\ncluster = [\"old\", \"new\"]\n{}",
        commented("[clusters.old]")
    );
    assert_eq!(parse(&clusters, &[]).unwrap().clusters.len(), 2);
    for line in [
        "window.burn_in = \"10s\"",
        "design.canary = true",
        "design.budget = \"2h\"",
    ] {
        let key = line.split('.').nth(1).unwrap_or_default();
        assert!(TEMPLATE.contains(&format!("# {key}")), "{key}");
        plan(line);
    }
}

#[test]
fn the_template_s_profiles_are_right_and_all_there_are() {
    let profiles = TEMPLATE.lines().filter_map(|line| line.strip_prefix("# profile = "));
    let mut kinds = Vec::new();
    for profile in profiles {
        let text = format!("cluster.bootstrap = \"mock\"\nworkload.profile = {profile}");
        let read = &mut |_: &ReplayFile| Ok("0,1\n1,2".to_owned());
        let (plan, _) = Plan::parse_with("plan.toml", &text, &[], read).unwrap_or_else(|error| panic!("{error}"));
        kinds.push(plan.workload.profile.map(|profile| profile.text().to_owned()));
    }
    assert_eq!(kinds.len(), 6);
}

#[test]
fn the_template_names_all_limits_and_figures() {
    for limit in crate::limits::Limit::ALL {
        assert!(TEMPLATE.contains(&format!("\n{limit} = ")), "{limit}");
    }
    for figure in crate::objective::Figure::ALL {
        assert!(TEMPLATE.contains(figure.name()), "{figure}");
    }
}
