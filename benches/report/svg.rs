//! A picture: few shapes, colours by class so that it reads on light and dark pages.

use std::fmt::Write;

/// Contestants by the begin of their name, and the class of each; the last one is for others.
const CLASSES: [(&str, &str); 7] = [
    ("naslane", "ours"),
    ("ipsec-mb", "intel"),
    ("OpenSSL", "openssl"),
    ("oxirush", "oxirush"),
    ("RustCrypto", "rust"),
    ("zuc", "zuc"),
    ("", "zuc"),
];

const STYLE: &str = "\
text{font:12px system-ui,'Segoe UI','DejaVu Sans',sans-serif;fill:#1f2328}
.title{font-size:14px;font-weight:600}.faint{fill:#59636e;font-size:11px}.strong{font-weight:600}
.page{fill:#ffffff}.grid{stroke:#d1d9e0;stroke-width:1}
polyline{fill:none;stroke-width:1.8}polyline.ours{stroke-width:3}
.ours{stroke:#0969da}.intel{stroke:#cf222e}.openssl{stroke:#1a7f37}.oxirush{stroke:#bc6a00}.rust{stroke:#8250df}.zuc{stroke:#6e7781}
.fill.ours{fill:#0969da}.fill.intel{fill:#cf222e}.fill.openssl{fill:#1a7f37}.fill.oxirush{fill:#bc6a00}
.fill.rust{fill:#8250df}.fill.zuc{fill:#6e7781}.fill{stroke:none}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}.page{fill:#0d1117}.grid{stroke:#30363d}
.ours{stroke:#58a6ff}.intel{stroke:#ff7b72}.openssl{stroke:#3fb950}.oxirush{stroke:#e3a341}.rust{stroke:#bc8cff}.zuc{stroke:#9198a1}
.fill.ours{fill:#58a6ff}.fill.intel{fill:#ff7b72}.fill.openssl{fill:#3fb950}.fill.oxirush{fill:#e3a341}
.fill.rust{fill:#bc8cff}.fill.zuc{fill:#9198a1}.fill{stroke:none}}
";

/// Where a text is held.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    /// At its begin.
    Start,
    /// In its middle.
    Middle,
    /// At its end.
    End,
}

/// A point.
pub(crate) type Point = (f64, f64);

/// A picture being drawn.
pub(crate) struct Svg {
    size: Point,
    body: String,
}

/// The class of a contestant.
pub(crate) fn class(name: &str) -> &'static str {
    let found = CLASSES.iter().find(|(begin, _)| name.starts_with(begin));
    found.map_or("zuc", |(_, class)| class)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

impl Svg {
    /// An empty picture.
    pub(crate) fn new(size: Point) -> Self {
        let mut svg = Self {
            size,
            body: String::new(),
        };
        svg.shape("<rect class=\"page\" width=\"100%\" height=\"100%\" rx=\"6\"/>");
        svg
    }

    fn shape(&mut self, shape: &str) {
        self.body.push_str(shape);
        self.body.push('\n');
    }

    /// Text of a class on a base line.
    pub(crate) fn text(&mut self, (x, y): Point, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.shape(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{text}</text>"
        ));
    }

    /// A thin line.
    pub(crate) fn rule(&mut self, (x1, y1): Point, (x2, y2): Point) {
        self.shape(&format!(
            "<line class=\"grid\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// A contestant's line with a dot at each point.
    pub(crate) fn curve(&mut self, name: &str, points: &[Point]) {
        let class = class(name);
        let mut path = String::new();
        for (x, y) in points {
            let _ = write!(path, "{x:.1},{y:.1} ");
        }
        self.shape(&format!(
            "<polyline class=\"{class}\" points=\"{}\"/>",
            path.trim_end()
        ));
        for (x, y) in points {
            self.shape(&format!(
                "<circle class=\"fill {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"
            ));
        }
    }

    /// A contestant's bar.
    pub(crate) fn bar(&mut self, name: &str, (x, y): Point, (width, height): Point) {
        let class = class(name);
        self.shape(&format!(
            "<rect class=\"fill {class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\"/>"
        ));
    }

    /// The file.
    pub(crate) fn finish(self, title: &str) -> String {
        let ((width, height), title) = (self.size, escaped(title));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n{}</svg>\n",
            self.body
        )
    }
}
