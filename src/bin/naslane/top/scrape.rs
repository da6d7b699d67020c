//! Samples out of Prometheus' text format.

use std::collections::BTreeMap;

/// Label and its value, in the order of the text.
type Labels = Vec<(String, String)>;

/// All samples of one answer, by name.
#[derive(Debug, Default)]
pub(super) struct Scrape {
    samples: BTreeMap<String, Vec<(Labels, f64)>>,
}

/// The text of a label in a sample's labels, empty without it.
pub(super) fn label<'a>(labels: &'a Labels, name: &str) -> &'a str {
    let found = labels.iter().find(|(label, _)| label == name);
    found.map_or("", |(_, text)| text)
}

impl Scrape {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut scrape = Self::default();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, labels, value) =
                sample(line).ok_or_else(|| format!("not a line of metrics: {line}"))?;
            scrape
                .samples
                .entry(name)
                .or_default()
                .push((labels, value));
        }
        Ok(scrape)
    }

    pub(super) fn is_naslane(&self) -> bool {
        self.samples.contains_key("naslane_build_info")
    }

    /// Every sample of this name.
    pub(super) fn all(&self, name: &str) -> &[(Labels, f64)] {
        self.samples.get(name).map_or(&[], Vec::as_slice)
    }

    /// The sample of this name and these labels.
    fn get(&self, name: &str, labels: &Labels) -> Option<f64> {
        let found = self.all(name).iter().find(|(own, _)| own == labels);
        found.map(|(_, value)| *value)
    }

    /// The only sample of this name; 0 without it.
    pub(super) fn one(&self, name: &str) -> f64 {
        self.all(name).first().map_or(0.0, |(_, value)| *value)
    }

    /// Counters of this name, and how far each has come since `earlier`. One that went back began anew.
    pub(super) fn since<'a>(
        &'a self,
        earlier: &'a Self,
        name: &'a str,
    ) -> impl Iterator<Item = (&'a Labels, f64)> {
        self.all(name).iter().map(move |(labels, now)| {
            let before = earlier.get(name, labels).unwrap_or(0.0);
            (labels, if before > *now { *now } else { now - before })
        })
    }

    /// What came into each bucket of a histogram since `earlier`: upper bound and number.
    pub(super) fn buckets(&self, earlier: &Self, name: &str) -> Vec<(f64, f64)> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = self
            .since(earlier, &name)
            .filter_map(|(labels, number)| Some((label(labels, "le").parse().ok()?, number)))
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut below = 0.0;
        for (_, number) in &mut buckets {
            let own = (*number - below).max(0.0);
            below = number.max(below);
            *number = own;
        }
        buckets
    }
}

/// `name{label="text",..} value [timestamp]`.
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    // Rust reads +Inf, -Inf and NaN as Prometheus writes them.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    (!name.is_empty()).then(|| (name.to_owned(), labels, value))
}

/// The labels up to the closing brace, and what is behind it.
fn labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, text) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = text.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => value.push(match characters.next()? {
                    'n' => '\n',
                    other => other,
                }),
                other => value.push(other),
            }
        }
        labels.push((name.trim().to_owned(), value));
        rest = characters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read() {
        let scrape = Scrape::read(
            "# HELP a b\n# TYPE a counter\na{x=\"1\",y=\"q\\\"\\\\\\n}\"} 3\na{x=\"2\"} 4 1700000000000\n\nb +Inf\nc 1e3\n",
        )
        .expect("metrics");
        assert_eq!(scrape.all("a").len(), 2);
        assert_eq!(label(&scrape.all("a")[0].0, "y"), "q\"\\\n}");
        assert_eq!(scrape.all("a")[1].1, 4.0);
        assert_eq!(
            (scrape.one("b"), scrape.one("c"), scrape.one("d")),
            (f64::INFINITY, 1000.0, 0.0)
        );
        for wrong in ["a", "a{x=\"1} 2", "a{x=1} 2", "a b", "{} 1"] {
            assert!(Scrape::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn differences_of_counters_and_buckets() {
        let before = Scrape::read("n 10\nr 10\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n")
            .expect("metrics");
        let after = Scrape::read("n 15\nr 3\nh_bucket{le=\"1\"} 4\nh_bucket{le=\"+Inf\"} 9\n")
            .expect("metrics");
        let difference = |name| after.since(&before, name).next().map(|(_, number)| number);
        assert_eq!((difference("n"), difference("r")), (Some(5.0), Some(3.0)));
        assert_eq!(
            after.buckets(&before, "h"),
            [(1.0, 3.0), (f64::INFINITY, 4.0)]
        );
    }
}
