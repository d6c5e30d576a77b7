use proptest::prelude::*;

use super::*;

/// Lines that are plans, nearly plans, and nonsense.
fn lines() -> impl Strategy<Value = String> {
    let keys = "schema|name|clusters|a|design|mode|objective|failed|search|first|limits|hiccup|profile|points|audit|seed|agents|cluster|topic|workload|window|baseline|factors|exclude|environment|count\
                |bootstrap|rate|size|record|keys|kind|linger\\.ms|acks|\"batch.size\"|[a-z]{1,4}|\\PC{0,3}";
    let values = "[0-9]{1,20}|-?[0-9]\\.[0-9]|true|\"[a-z0-9/]{0,6}\"|\"1KiB\"|\"1k/s\"|\"== 0\"|\"two-phase\"|\"ramp\"|\"replay\"|\"5%\"|\"mock\"|\\[[0-9, ]{0,6}\\]\
                  |\\{ ?[a-z]{1,3} = [0-9] ?\\}|\\{\\}|\\[\\]|\\[\\[1, 2\\]\\]|inf|nan|2024-01-01|\\PC{0,8}";
    let line = prop_oneof![
        (keys, values).prop_map(|(key, value)| format!("{key} = {value}")),
        keys.prop_map(|key| format!("[{key}]")),
        keys.prop_map(|key| format!("[[{key}]]")),
        (keys, keys, values).prop_map(|(a, b, value)| format!("{a}.{b} = {value}")),
        "\\PC{0,20}",
    ];
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_makes_a_plan_panic_and_an_error_is_one_line(text in lines(), set in "\\PC{0,30}", value in "\\PC{0,9}") {
        let overrides: Vec<Override> = [set, format!("baseline.{value}={value}"), format!("factors.acks={value}")]
            .iter()
            .filter_map(|set| Override::parse(set).ok())
            .collect();
        for text in [text.clone(), format!("{CLUSTER}{text}")] {
            for overrides in [&[], overrides.as_slice()] {
                if let Err(error) = Plan::parse("plan.toml", &text, overrides) {
                    prop_assert_eq!(error.to_string().lines().count(), 1, "{}", error);
                }
            }
        }
    }

    #[test]
    fn a_template_with_a_cut_never_panics(from in 0..TEMPLATE.len(), length in 0..200_usize) {
        let text: String = TEMPLATE.chars().take(from).chain(TEMPLATE.chars().skip(from + length)).collect();
        let _ = parse(&text, &[]);
    }
}
