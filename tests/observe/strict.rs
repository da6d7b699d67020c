//! A parser of Prometheus' text format 0.0.4 that accepts nothing else, with the rules of `promtool check metrics`.

use std::collections::{BTreeMap, BTreeSet};

/// A line with a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// The lines of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

pub(crate) type Families = BTreeMap<String, Family>;

/// Every family of the text, or what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Families, String> {
    let mut families = Families::new();
    let mut current = String::new();
    if !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        let wrong = |what: &str| Err(format!("{what}: {line:?}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let Some((name, help)) = rest.split_once(' ') else {
                return wrong("no help");
            };
            if families.contains_key(name) {
                return wrong("a family begins twice");
            }
            current = metric_name(name)?;
            families.entry(current.clone()).or_default().help = unescape(help, false)?;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else {
                return wrong("no type");
            };
            let Some(family) = families.get_mut(name).filter(|_| name == current) else {
                return wrong("a type without the help before it");
            };
            if !family.kind.is_empty() || !family.samples.is_empty() {
                return wrong("a type that comes late or twice");
            }
            if !["counter", "gauge", "histogram"].contains(&kind) {
                return wrong("a type that naslane does not use");
            }
            kind.clone_into(&mut family.kind);
        } else if line.is_empty() || line.starts_with('#') {
            return wrong("a line without use");
        } else {
            let sample = sample(line)?;
            let Some(family) = families.get_mut(&current) else {
                return wrong("a sample before any family");
            };
            if !belongs(&sample.name, &current, &family.kind) {
                return wrong("a sample of another family");
            }
            family.samples.push(sample);
        }
    }
    for (name, family) in &families {
        check(name, family).map_err(|what| format!("{name}: {what}"))?;
    }
    Ok(families)
}

fn belongs(sample: &str, family: &str, kind: &str) -> bool {
    match sample.strip_prefix(family) {
        Some("") => kind == "counter" || kind == "gauge",
        Some("_bucket" | "_sum" | "_count") => kind == "histogram",
        _ => false,
    }
}

fn metric_name(name: &str) -> Result<String, String> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    let good = name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit());
    good.then(|| name.to_owned())
        .ok_or_else(|| format!("no name of a metric: {name:?}"))
}

fn label_name(name: &str) -> Result<String, String> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let good = name.starts_with(first)
        && name.chars().all(|c| first(c) || c.is_ascii_digit())
        && !name.starts_with("__");
    good.then(|| name.to_owned())
        .ok_or_else(|| format!("no name of a label: {name:?}"))
}

fn unescape(text: &str, quoted: bool) -> Result<String, String> {
    let (mut out, mut characters) = (String::new(), text.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('\\') => out.push('\\'),
                Some('n') => out.push('\n'),
                Some('"') if quoted => out.push('"'),
                _ => return Err(format!("an escape that does not exist: {text:?}")),
            },
            character => out.push(character),
        }
    }
    Ok(out)
}

fn sample(line: &str) -> Result<Sample, String> {
    let wrong = || format!("not a sample: {line:?}");
    let end = line.find(['{', ' ']).ok_or_else(wrong)?;
    let name = metric_name(&line[..end])?;
    let mut labels = BTreeMap::new();
    let mut rest = &line[end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, behind) = rest.split_once("=\"").ok_or_else(wrong)?;
            let mut escaped = false;
            let close = behind.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            let close = close.ok_or_else(wrong)?;
            let text = unescape(&behind[..close], true)?;
            if labels.insert(label_name(label)?, text).is_some() {
                return Err(format!("a label twice: {line:?}"));
            }
            rest = &behind[close + 1..];
            match rest.chars().next() {
                Some(',') => rest = &rest[1..],
                Some('}') => break,
                _ => return Err(wrong()),
            }
        }
        rest = &rest[1..];
    }
    let number = rest.strip_prefix(' ').ok_or_else(wrong)?;
    let value = match number {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        // Neither "inf" nor "+1" nor a time stamp: naslane writes plain numbers.
        number if number.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            number.parse().map_err(|_| wrong())?
        }
        _ => return Err(wrong()),
    };
    Ok(Sample {
        name,
        labels,
        value,
    })
}

fn check(name: &str, family: &Family) -> Result<(), String> {
    if family.help.is_empty() || family.kind.is_empty() {
        return Err("no help or no type".to_owned());
    }
    if (family.kind == "counter") != name.ends_with("_total") {
        return Err("_total is for counters, and for all of them".to_owned());
    }
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        if !seen.insert((&sample.name, format!("{:?}", sample.labels))) {
            return Err(format!("twice: {sample:?}"));
        }
        if family.kind == "counter" && (sample.value.is_nan() || sample.value < 0.0) {
            return Err(format!("a counter cannot be {}", sample.value));
        }
        if sample.labels.contains_key("le") != sample.name.ends_with("_bucket") {
            return Err(format!("le is for buckets: {sample:?}"));
        }
    }
    if family.kind == "histogram" {
        histogram(name, family)?;
    }
    Ok(())
}

fn histogram(name: &str, family: &Family) -> Result<(), String> {
    let mut last = (f64::NEG_INFINITY, 0.0);
    let own = |end: &str| {
        let name = format!("{name}{end}");
        let mut own = family
            .samples
            .iter()
            .filter(move |sample| sample.name == name);
        own.next().map(|sample| sample.value)
    };
    for sample in family
        .samples
        .iter()
        .filter(|sample| sample.name.ends_with("_bucket"))
    {
        let bound = match sample.labels["le"].as_str() {
            "+Inf" => f64::INFINITY,
            number => number.parse().map_err(|_| format!("no bound: {number}"))?,
        };
        if bound <= last.0 || sample.value < last.1 {
            return Err(format!("buckets are not in order: {sample:?}"));
        }
        last = (bound, sample.value);
    }
    if !last.0.is_infinite() || own("_count") != Some(last.1) || own("_sum").is_none() {
        return Err("no +Inf, no sum, or a count that differs".to_owned());
    }
    Ok(())
}

#[test]
fn what_is_wrong_is_refused() {
    let good = "# HELP a_total x\n# TYPE a_total counter\na_total{x=\"1\"} 2\n";
    assert_eq!(parse(good).map(|families| families.len()), Ok(1));
    let histogram = "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n";
    assert_eq!(parse(histogram).map(|families| families.len()), Ok(1));
    for (from, to) in [
        ("a_total{x=\"1\"} 2\n", "a_total{x=\"1\"} 2"),
        ("{x=\"1\"} 2", "{x=\"1\",x=\"2\"} 2"),
        ("{x=\"1\"} 2", "{x=\"1\"} 2\na_total{x=\"1\"} 3"),
        ("{x=\"1\"} 2", "{x=\"\\t\"} 2"),
        ("{x=\"1\"} 2", "{x=1} 2"),
        ("{x=\"1\"} 2", "{x=\"1\"}2"),
        ("{x=\"1\"} 2", "{x=\"1\"} two"),
        ("{x=\"1\"} 2", "{x=\"1\"} -2"),
        ("{x=\"1\"} 2", "{x=\"1\"} 2 1700000000000"),
        ("{x=\"1\"} 2", "{__x=\"1\"} 2"),
        ("{x=\"1\"} 2", "{le=\"1\"} 2"),
        ("counter", "meter"),
        ("# TYPE a_total counter\n", ""),
        ("# HELP a_total x\n", ""),
        ("a_total", "a"),
        ("a_total{", "b_total{"),
        ("a_total{x=\"1\"} 2", "a_total{x=\"1\"} 2\n"),
    ] {
        let text = good.replace(from, to);
        assert!(parse(&text).is_err(), "{text}");
    }
    for (from, to) in [
        ("+Inf", "2"),
        ("h_count 2", "h_count 3"),
        ("h_sum 3\n", ""),
        ("le=\"1\"} 1", "le=\"1\"} 4"),
        ("le=\"1\"", "le=\"x\""),
    ] {
        let text = histogram.replace(from, to);
        assert!(parse(&text).is_err(), "{text}");
    }
}
