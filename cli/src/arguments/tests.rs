use std::fmt::Write;

use clap::CommandFactory;

use super::*;

#[track_caller]
fn refused(line: &str) -> String {
    let error = Arguments::try_parse_from(line.split(' ')).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{line}");
    error.to_string()
}

#[test]
fn the_command_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn the_help_is_as_it_was_last_reviewed() {
    fn visit(command: &mut clap::Command, path: &str, text: &mut String) {
        writeln!(text, "===== {path}\n{}", command.render_long_help()).unwrap();
        for verb in command.get_subcommands_mut().filter(|verb| !verb.is_hide_set()) {
            let path = format!("{path} {}", verb.get_name());
            visit(verb, &path, text);
        }
    }
    let mut text = String::new();
    let mut command = Arguments::command().term_width(100);
    command.build();
    visit(&mut command, "tribunal", &mut text);
    insta::with_settings!({ snapshot_path => "../../tests/golden", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("help", text);
    });
}

#[test]
fn every_visible_verb_shows_an_example() {
    fn visit(command: &clap::Command) {
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            if verb.has_subcommands() {
                visit(verb);
            } else {
                let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(
                    help.contains(&format!(" {}", verb.get_name())),
                    "{}: {help}",
                    verb.get_name()
                );
                assert!(verb.get_about().is_some());
            }
        }
    }
    visit(&Arguments::command());
}

#[test]
fn the_examples_of_the_help_can_be_typed() {
    let all = [
        examples::GENERAL,
        examples::DEMO,
        examples::RUN,
        examples::CALIBRATE,
        examples::SELFTEST,
        examples::COORDINATOR,
        examples::AGENT,
        examples::CERTS_INIT,
        examples::CERTS_ISSUE,
        examples::CERTS_SHOW,
        examples::CHECK,
        examples::INIT,
        examples::AGENTS,
        examples::EXPERIMENTS,
        examples::WATCH,
        examples::CANCEL,
        examples::REPORT,
        examples::COMPARE,
        examples::RESUME,
    ];
    for line in all
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| line.starts_with("  tribunal "))
    {
        let typed = line
            .split("   ")
            .next()
            .map(str::trim)
            .filter(|typed| !typed.is_empty());
        let typed = typed.unwrap_or_else(|| line.trim().split("   ").next().unwrap_or_default());
        let typed = typed
            .split(" > ")
            .next()
            .unwrap_or_default()
            .replace("[0, 5, 50]", "[0,5,50]")
            .replace('\'', "");
        Arguments::try_parse_from(typed.split(' ')).unwrap_or_else(|error| panic!("{typed}: {error}"));
    }
}

#[test]
fn wrong_usage_is_told_with_code_two() {
    refused("tribunal frobnicate");
    refused("tribunal run");
    assert!(refused("tribunal run plan.toml --set nothing").contains("KEY=VALUE"));
    refused("tribunal run plan.toml --local 0");
    refused("tribunal run plan.toml --local 2 --coordinator http://a:1");
    refused("tribunal run plan.toml --local 2 --detach");
    refused("tribunal report 1234 --out x --format csv");
    refused("tribunal agents --format xml");
    refused("tribunal compare 1234");
    refused("tribunal compare 1234 5678 --threshold 5");
    refused("tribunal compare 1234 5678 --threshold 0%");
}

#[test]
fn flags_become_settings_of_the_section_that_the_verb_is_about() {
    let flags = |line: &str| Arguments::try_parse_from(line.split(' ')).unwrap().overrides();
    let agent = flags("tribunal agent --coordinator http://a:1 --name b --log-format json");
    assert_eq!(agent.agent.coordinator.as_deref(), Some("http://a:1"));
    assert_eq!(agent.client.coordinator, None);
    assert_eq!(agent.log.format.as_deref(), Some("json"));
    let run = flags("tribunal run p.toml --coordinator http://a:1 --store /s");
    assert_eq!(run.client.coordinator.as_deref(), Some("http://a:1"));
    assert_eq!(run.coordinator.store.as_deref(), Some("/s"));
    for verb in ["agent", "coordinator", "watch 1234", "run p.toml"] {
        let tls = flags(&format!(
            "tribunal {verb} --tls-ca c --tls-certificate d --tls-key e --allow-plaintext-network"
        ));
        let all = [tls.tls.ca, tls.tls.certificate, tls.tls.key, tls.tls.plaintext_network];
        assert_eq!(all.map(Option::unwrap_or_default), ["c", "d", "e", "allow"], "{verb}");
    }
    assert_eq!(flags("tribunal demo"), Flags::default());
}
