//! The report for CI: one test case per place that allocates, failed if a crash, hang or leak begins there.

use super::baseline::Baseline;
use crate::command::show;
use crate::sweep::{Group, Settings, Swept, symbols};
use std::collections::BTreeMap;

pub(super) fn report(swept: &Swept, settings: &Settings, baseline: &Baseline) -> String {
    let mut symbols = symbols(&swept.reference);
    let mut cases: BTreeMap<String, Vec<&Group>> = BTreeMap::new();
    let calls = &swept.reference.trace.calls;
    for point in &swept.points {
        let name = match point.call {
            Some(call) => {
                let named = symbols.stack(&swept.reference.trace.stack(calls[call].stack));
                show::join(&named)
            }
            None => point.shape.to_string(),
        };
        cases.entry(name).or_default();
    }
    for group in swept
        .groups
        .iter()
        .filter(|group| !baseline.lists(&group.key))
    {
        let name = match swept.points[group.example].call {
            Some(_) => show::join(&group.failed_at),
            None => swept.points[group.example].shape.to_string(),
        };
        cases.entry(name).or_default().push(group);
    }
    let failures = cases.values().filter(|groups| !groups.is_empty()).count();
    let suite = escape(&settings.program.to_string_lossy());
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"malloc-fault {suite}\" tests=\"{}\" failures=\"{failures}\" time=\"{:.3}\">\n",
        cases.len(),
        swept.took.as_secs_f64()
    );
    for (name, groups) in cases {
        let name = escape(&name);
        if groups.is_empty() {
            xml += &format!("  <testcase classname=\"{suite}\" name=\"{name}\"/>\n");
            continue;
        }
        xml += &format!("  <testcase classname=\"{suite}\" name=\"{name}\">\n");
        // A case has one failure in JUnit; what else there is goes into its text.
        let text: Vec<String> = groups
            .iter()
            .map(|group| {
                format!(
                    "{} ({})\n{}\n{}",
                    group.verdict,
                    group.ending,
                    show::join(&group.stack),
                    group.reproducer
                )
            })
            .collect();
        let message = escape(&groups[0].key);
        xml += &format!(
            "    <failure message=\"{message}\">{}</failure>\n  </testcase>\n",
            escape(&text.join("\n\n"))
        );
    }
    xml + "</testsuite>\n"
}

/// XML has no place for control characters, escaped or not.
fn escape(text: &str) -> String {
    let letter = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        letter if letter.is_control() && letter != '\n' && letter != '\t' => "\u{fffd}".to_owned(),
        letter => letter.to_string(),
    };
    text.chars().map(letter).collect()
}
