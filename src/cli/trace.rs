//! One trace a run, in the shape of W3C Trace Context: so that the lines of a run, its report, and whatever started it can
//! be laid side by side. A valid `TRACEPARENT` is taken up.
//!
//! <https://www.w3.org/TR/trace-context/>

use attestar::error::Result;
use attestar::format::digest::Sha256;
use attestar::keys::entropy::Entropy;
use data_encoding::HEXLOWER;

/// A trace, and the span in it that this run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    id: [u8; 16],
    /// The span of this run.
    root: [u8; 8],
    /// The span that it was started in.
    parent: Option<[u8; 8]>,
}

impl Trace {
    /// The trace of `TRACEPARENT` if that is valid, else a new one.
    pub fn start(traceparent: Option<&str>, entropy: &mut dyn Entropy) -> Result<Trace> {
        let (mut id, mut root) = ([0; 16], [0; 8]);
        entropy.fill(&mut id)?;
        entropy.fill(&mut root)?;
        Ok(match traceparent.and_then(parse) {
            Some((id, parent)) => Trace { id, root, parent: Some(parent) },
            None => Trace { id, root, parent: None },
        })
    }

    /// 32 hex digits.
    pub fn id(&self) -> String {
        HEXLOWER.encode(&self.id)
    }

    /// The span of this run: 16 hex digits.
    pub fn span_id(&self) -> String {
        HEXLOWER.encode(&self.root)
    }

    /// The span that started this run, if `TRACEPARENT` names one.
    pub fn parent_span_id(&self) -> Option<String> {
        self.parent.map(|parent| HEXLOWER.encode(&parent))
    }

    /// The id of a step of this run: another one for each number.
    pub fn step_id(&self, number: u64) -> String {
        let seed = [&self.id[..], &self.root, &number.to_be_bytes()].concat();
        HEXLOWER.encode(&Sha256::of(&seed).0[..8])
    }
}

/// `00-TRACE-PARENT-FLAGS`, of which a later version may have more; neither id is all zeros.
fn parse(text: &str) -> Option<([u8; 16], [u8; 8])> {
    let mut fields = text.trim().split('-');
    let (version, id, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let hex = |text: &str, len| HEXLOWER.decode(text.as_bytes()).ok().filter(|bytes| bytes.len() == len);
    let version = hex(version, 1)?[0];
    hex(flags, 1)?;
    if version == 0xff || (version == 0 && fields.next().is_some()) {
        return None;
    }
    let id: [u8; 16] = hex(id, 16)?.try_into().ok()?;
    let parent: [u8; 8] = hex(parent, 8)?.try_into().ok()?;
    (id != [0; 16] && parent != [0; 8]).then_some((id, parent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use attestar::keys::entropy::OsEntropy;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn start(text: Option<&str>) -> Trace {
        Trace::start(text, &mut OsEntropy).unwrap()
    }

    #[test]
    fn a_valid_parent_is_taken_up() {
        let trace = start(Some(GIVEN));
        assert_eq!(trace.id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(trace.parent_span_id().as_deref(), Some("b7ad6b7169203331"));
        assert_eq!(start(Some(&GIVEN.replace("00-0", "cc-0").replace("-01", "-01-more"))).id(), trace.id());
        assert_ne!(trace.span_id(), start(Some(GIVEN)).span_id());
        assert_ne!(trace.step_id(1), trace.step_id(2));
        assert_eq!((trace.span_id().len(), trace.step_id(1).len()), (16, 16));
    }

    #[test]
    fn what_is_no_parent_starts_a_new_trace() {
        let zeros = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        let upper = GIVEN.to_uppercase();
        let longer = format!("{GIVEN}-x");
        for text in
            ["", "00", zeros, &upper, &longer, &GIVEN.replace("00-0", "ff-0"), &GIVEN.replace('b', "g")]
        {
            let trace = start(Some(text));
            assert!(trace.parent_span_id().is_none() && trace.id() != start(None).id(), "{text}");
        }
    }
}
