//! What every page has: head, style, script, the policy that allows nothing else, header and footer.

use crate::report::words::{instant, minute, shown, span};
use data_encoding::BASE64;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Where a page is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place<'a> {
    /// In a file of its own: it leads nowhere.
    #[default]
    File,
    /// In the console, where it leads to other pages.
    Console {
        /// Why the store could not be looked at last time, and when that was.
        trouble: Option<(Timestamp, &'a str)>,
    },
}

impl Place<'_> {
    /// Whether there are other pages to lead to.
    pub fn has_links(self) -> bool {
        self != Place::File
    }
}

/// A page.
pub struct Page<'a> {
    /// Where it is looked at.
    pub place: Place<'a>,
    /// What it is about, for the tab and the first heading.
    pub title: &'a str,
    /// What kind of page it is: `release`, `restore drill`.
    pub kind: &'a str,
    /// When the facts on it were gathered.
    pub looked_at: Timestamp,
    /// Its sections, by id and heading: the way around a long page. None, no list of them.
    pub sections: &'a [(&'a str, &'a str)],
    /// Everything under the heading.
    pub body: Markup,
}

impl Page<'_> {
    /// The whole file.
    pub fn html(&self) -> String {
        let title = shown(self.title);
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    title { (title) " · " (self.kind) " · attestar" }
                    // An icon of nothing, so that no browser asks for one.
                    link rel="icon" href="data:,";
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a class="skip" href="#main" { "Skip to the content" }
                    header {
                        p class="kind" {
                            @if self.place.has_links() { a href="/" { "attestar" } } @else { "attestar" }
                            " · " (self.kind) " · looked at " (minute(self.looked_at))
                        }
                        h1 { (title) }
                    }
                    @if let Place::Console { trouble: Some((at, why)) } = self.place { (trouble(at, why, self.looked_at)) }
                    @if self.sections.len() > 2 {
                        nav aria-label="On this page" {
                            ul { @for (id, name) in self.sections { li { a href={ "#" (id) } { (name) } } } }
                        }
                    }
                    main id="main" tabindex="-1" { (self.body) }
                    footer {
                        p { "Looked at " (instant(self.looked_at)) " by attestar " (env!("CARGO_PKG_VERSION")) "." }
                        @if self.place.has_links() { (elsewhere()) }
                    }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
    }
}

/// What the console has besides pages.
fn elsewhere() -> Markup {
    html! {
        p {
            "Reload for the present. For programs: " a href="/health" { "health" } ", " a href="/metrics" { "metrics" } ", "
            a href="/api/store" { "this page as JSON" } "."
        }
    }
}

fn trouble(at: Timestamp, why: &str, seen: Timestamp) -> Markup {
    html! {
        p class="verdict bad" role="alert" {
            "The store could not be looked at " (instant(at)) ": " (shown(why)) ". "
            @if seen < at { "What follows was seen " (instant(seen)) ", " (span(at.duration_since(seen).as_secs().unsigned_abs())) " before that." }
            @else { "Nothing is known of it." }
        }
    }
}

/// The page of a console that has not seen its store yet.
pub fn waiting(now: Timestamp, trouble: Option<(Timestamp, &str)>) -> String {
    let body = html! {
        @if trouble.is_none() { p { "The store is being looked at for the first time. Reload in a moment." } }
        @else { p { "It is tried again. Reload in a moment." } }
    };
    let place = Place::Console { trouble };
    Page { place, title: "not yet", kind: "console", looked_at: now, sections: &[], body }.html()
}

/// The content security policy of every page: the one style and the one script, by their digests.
pub fn policy() -> String {
    let digest = |text: &str| format!("'sha256-{}'", BASE64.encode(&Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    )
}

/// A section with its heading.
pub fn section(id: &str, name: &str, body: Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-heading" } {
            h2 id={ (id) "-heading" } { (name) }
            (body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_one_file_that_loads_nothing() {
        let now = "2026-11-20T14:02:00Z".parse().unwrap();
        let body = html! { p { "x" } };
        let title = "<b>\u{202e}";
        let page =
            Page { place: Place::File, title, kind: "release", looked_at: now, sections: &[], body }.html();
        assert!(page.contains("&lt;b&gt;\\u{202e}"), "{page}");
        for outside in ["http://", "https://", "src=", "url(", "@import", "style=", "onclick"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(!policy().contains("unsafe"));
        assert!(page.contains(&maud::html! { (policy()) }.into_string()));
    }

    #[test]
    fn neither_style_nor_script_can_end_early() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</"));
    }
}
