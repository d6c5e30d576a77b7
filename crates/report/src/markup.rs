//! Markup by construction: elements with attributes and text, for HTML and SVG.
//!
//! What is told as text or as an attribute stays text whatever is in it; markup as such can only be a constant of ours.

/// Elements of HTML that have no end.
const VOID: [&str; 4] = ["meta", "input", "br", "hr"];

/// Elements of SVG that are closed at once where they hold nothing.
const SHAPES: [&str; 7] = ["path", "circle", "rect", "line", "polyline", "polygon", "use"];

/// An element under construction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Element(Element),
    Text(String),
    Ours(&'static str),
}

impl Element {
    /// An empty element.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// With an attribute more.
    pub(crate) fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// With an attribute that is a length or a coordinate, to a tenth.
    pub(crate) fn at(self, name: &'static str, value: f64) -> Self {
        self.set(name, coordinate(value))
    }

    /// With an element more.
    pub(crate) fn with(mut self, child: Element) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// With elements more.
    pub(crate) fn with_all(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// With elements before all others.
    pub(crate) fn first(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.splice(0..0, children.into_iter().map(Node::Element));
        self
    }

    /// With text.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// With markup, style or script of our own.
    pub(crate) fn ours(mut self, constant: &'static str) -> Self {
        self.children.push(Node::Ours(constant));
        self
    }

    /// The element as text.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) {
        to.push('<');
        to.push_str(self.name);
        for (name, value) in &self.attributes {
            to.push(' ');
            to.push_str(name);
            if !value.is_empty() {
                to.push_str("=\"");
                escape(value, to);
                to.push('"');
            } else if self.name != "input" {
                to.push_str("=\"\"");
            }
        }
        if self.children.is_empty() && SHAPES.contains(&self.name) {
            to.push_str("/>");
            return;
        }
        to.push('>');
        if VOID.contains(&self.name) {
            return;
        }
        for child in &self.children {
            match child {
                Node::Element(element) => element.write(to),
                Node::Text(text) => escape(text, to),
                Node::Ours(constant) => to.push_str(constant),
            }
        }
        to.push_str("</");
        to.push_str(self.name);
        to.push('>');
    }
}

/// A coordinate to a tenth, without a needless nought.
pub(crate) fn coordinate(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    if tenths % 10 == 0 {
        (tenths / 10).to_string()
    } else {
        format!(
            "{}{}.{}",
            if tenths < 0 { "-" } else { "" },
            tenths.abs() / 10,
            tenths.abs() % 10
        )
    }
}

/// Characters that mean something to HTML or XML, and those that XML does not have.
fn escape(text: &str, to: &mut String) {
    for c in text.chars() {
        match c {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '"' => to.push_str("&quot;"),
            '\n' => to.push('\n'),
            c if c.is_control() => to.push(' '),
            '\u{fffe}' | '\u{ffff}' => to.push('\u{fffd}'),
            c => to.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_and_attributes_stay_text() {
        let hostile = "\"><script>alert('&')</script>\u{0}\u{202e}";
        let text = Element::new("a").set("title", hostile).text(hostile).render();
        let safe = "&quot;&gt;&lt;script&gt;alert('&amp;')&lt;/script&gt; \u{202e}";
        assert_eq!(text, format!("<a title=\"{safe}\">{safe}</a>"));
    }

    #[test]
    fn elements_end_as_their_language_has_it() {
        assert_eq!(Element::new("td").render(), "<td></td>");
        assert_eq!(Element::new("br").render(), "<br>");
        assert_eq!(Element::new("path").set("d", "M0,0").render(), "<path d=\"M0,0\"/>");
        assert_eq!(Element::new("input").set("checked", "").render(), "<input checked>");
    }

    #[test]
    fn coordinates_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.04, "0"),
            (-0.06, "-0.1"),
            (12.34, "12.3"),
            (-7.0, "-7"),
            (9.96, "10"),
        ] {
            assert_eq!(coordinate(value), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_opens_an_element(text in any::<String>()) {
            let rendered = Element::new("p").set("title", text.clone()).text(text).render();
            prop_assert_eq!(rendered.matches('<').count(), 2);
            prop_assert_eq!(rendered.matches('"').count() % 2, 0);
        }
    }
}
