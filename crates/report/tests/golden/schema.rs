//! `docs/report.schema.json` and `docs/compare.schema.json` say what is written.

use std::path::Path;

use serde_json::Value;
use tribunal_report::analysed::Analysed;
use tribunal_report::json;

use crate::{compared, fixture};

fn schema() -> Value {
    json::schema().to_value()
}

fn compared_schema() -> Value {
    json::compared_schema().to_value()
}

fn comparisons() -> Vec<Value> {
    let read = |compared| serde_json::from_str(&json::write_compared(compared)).expect("JSON");
    compared::every_kind().iter().map(read).collect()
}

fn reports() -> Vec<Value> {
    let mut reports = fixture::all().to_vec();
    reports.extend([fixture::of_clients(), fixture::consumed::with_consumers()]);
    let mut old = fixture::on_a_cluster();
    old.results = vec![json::read_trial(include_str!("schema-2.json")).expect("a result of version 2")];
    reports.push(old);
    reports
        .iter()
        .map(|report| serde_json::from_str(&json::write_report(&Analysed::of(report))).expect("JSON"))
        .collect()
}

/// The schema with every object closed to what it does not name.
fn closed(mut schema: Value) -> Value {
    let definitions = schema["$defs"].clone();
    close(&mut schema, &definitions);
    schema
}

fn close(schema: &mut Value, definitions: &Value) {
    match schema {
        Value::Object(object) => {
            if object.get("properties").is_some_and(Value::is_object) && object.contains_key("type") {
                // A variant that is its tag and what it refers to: closed, each would forbid the other's fields.
                if let Some(Value::String(referred)) = object.remove("$ref") {
                    let name = referred.trim_start_matches("#/$defs/");
                    let theirs = definitions[name]["properties"].as_object().expect("properties").clone();
                    object["properties"].as_object_mut().expect("properties").extend(theirs);
                }
                object.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            object.values_mut().for_each(|inner| close(inner, definitions));
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| close(inner, definitions)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (name, schema) in [
        ("report.schema.json", schema()),
        ("compare.schema.json", compared_schema()),
    ] {
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        let path = folder.join(name);
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, &text).expect("the schema is written");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == text,
            "docs/{name} is not what the types say; bring it up to date with\n  UPDATE_SCHEMA=1 cargo test -p \
             tribunal-report --test golden schema"
        );
    }
}

#[test]
fn every_report_is_what_its_schema_says_and_has_no_field_that_it_does_not_name() {
    demand(schema(), &reports());
}

#[test]
fn every_comparison_is_what_its_schema_says_and_has_no_field_that_it_does_not_name() {
    demand(compared_schema(), &comparisons());
}

/// Demands that the documents are what a schema says, as it is and closed.
fn demand(schema: Value, documents: &[Value]) {
    let open = jsonschema::validator_for(&schema).expect("a schema");
    let closed = jsonschema::validator_for(&closed(schema)).expect("a schema");
    for document in documents {
        for validator in [&open, &closed] {
            let errors: Vec<String> = validator
                .iter_errors(document)
                .map(|error| {
                    format!("{}: {error}", error.instance_path())
                        .chars()
                        .take(300)
                        .collect()
                })
                .collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }
}

/// Demands that a document is valid, and none any more once it is changed.
fn spoilt(schema: Value, mut document: Value, change: fn(&mut Value)) {
    let validator = jsonschema::validator_for(&closed(schema)).expect("a schema");
    assert!(validator.is_valid(&document));
    change(&mut document);
    assert!(!validator.is_valid(&document));
}

#[test]
fn a_comparison_that_is_none_is_told_from_one() {
    let spoil = |change| spoilt(compared_schema(), comparisons().swap_remove(3), change);
    spoil(|compared| drop(compared.as_object_mut().and_then(|object| object.remove("answer"))));
    spoil(|compared| compared["answer"] = "perhaps".into());
    spoil(|compared| compared["differences"][0]["kind"] = "mood".into());
    spoil(|compared| compared["pairs"][0]["rows"][0]["judged"]["observations"] = Value::Array(vec![6.into()]));
    spoil(|compared| compared["pairs"][0]["rows"][0]["judged"]["unheard_of"] = 1.into());
    spoil(|compared| compared["canary"][0]["change"]["ratio"] = "twice".into());
}

#[test]
fn a_report_that_is_none_is_told_from_one() {
    let spoil = |change| spoilt(schema(), reports().swap_remove(0), change);
    spoil(|report| drop(report.as_object_mut().and_then(|object| object.remove("facts"))));
    spoil(|report| report["results"][0]["parts"][0]["fates"]["acknowledged"] = "many".into());
    spoil(|report| report["results"][0]["verdict"]["bound_by"] = "luck".into());
    spoil(|report| report["results"][0]["limits"]["no_such_limit"] = Value::Null);
    spoil(|report| report["analysis"]["groups"][0]["unheard_of"] = 1.into());
    spoil(|report| report["results"][0]["agents"][0]["producers"][0]["configuration"][0] = "acks".into());
}

#[test]
fn a_trial_of_an_earlier_version_is_what_the_schema_says_of_trials() {
    let mut schema = schema();
    let of_trials = Value::from("#/$defs/TrialResult");
    let object = schema.as_object_mut().expect("an object");
    object.retain(|key, _| key == "$defs" || key == "$schema");
    object.insert("$ref".to_owned(), of_trials);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let stored: Value = serde_json::from_str(include_str!("schema-2.json")).expect("JSON");
    assert!(validator.is_valid(&stored));
    let refused: Value = serde_json::from_str(include_str!("schema-1.json")).expect("JSON");
    assert!(!validator.is_valid(&refused), "version 1 is refused by name as well");
}
