//! Recovery time and recovery point, measured, and held against what the policy asks for.

use crate::error::Result;
use crate::evidence::receipt::VerifiedReceipt;
use crate::finding::{Code, Finding, Outcome};
use crate::format::drill_report::{Objectives, Previous};
use crate::format::kind::Kind;
use crate::format::units::span;
use crate::verbs::drill::Request;
use crate::verbs::nights::{Nights, widest_gap};
use jiff::{SignedDuration, Timestamp};

/// What of the objectives is known before anything is restored.
#[derive(Default)]
pub(super) struct Recovery {
    /// `None` while it is not known.
    rpo: Option<Point>,
    /// A release is what it was when it was sealed, however long ago: nothing is lost by its age.
    is_release: bool,
    /// The drill before.
    pub(super) previous: Option<Previous>,
    /// The newest backup, where an older one is drilled.
    pub(super) newer: Option<String>,
}

/// What would be lost.
struct Point {
    /// From the newest capture to the drill's start.
    age: SignedDuration,
    /// The widest gap between good backups since the drill before.
    gap: SignedDuration,
}

impl Recovery {
    /// Notes the drill before, whatever comes of this one.
    pub(super) fn look_back(&mut self, nights: &Nights<'_>) -> Result<()> {
        self.previous = nights.drills().next().transpose()?.map(|(previous, _)| previous);
        Ok(())
    }

    /// Measures the recovery point: of a release there is none, and of the project's backups it is the same whichever is drilled.
    pub(super) fn measure(
        &mut self,
        request: &Request<'_>,
        nights: &Nights<'_>,
        receipt: &VerifiedReceipt,
        started_at: Timestamp,
    ) -> Result<()> {
        let said = receipt.predicate();
        if said.kind == Kind::Release {
            self.is_release = true;
            return Ok(());
        }
        let newest = nights.newest_capture()?;
        // What is not in the log tells of itself alone.
        let captured = newest.as_ref().map_or(said.evaluated_at, |night| night.at);
        self.newer = newest.map(|night| night.name).filter(|name| *name != said.name);
        // Without a drill before, as far back as drills may lie apart.
        let every = SignedDuration::from_secs(request.policy.drill.every_s as i64);
        let since = nights.measured_until()?.or(started_at.checked_sub(every).ok());
        let gap = widest_gap(&nights.times(since.unwrap_or(Timestamp::MIN))?);
        self.rpo = Some(Point { age: started_at.duration_since(captured), gap });
        Ok(())
    }

    /// Holds what was measured against the policy. A policy that names no target is told what was measured.
    pub(super) fn judge(
        &self,
        request: &Request<'_>,
        rto_ms: Option<u64>,
        outcome: &mut Outcome,
    ) -> Objectives {
        let options = &request.policy.drill;
        let rpo_s = options.rpo_s.filter(|_| !self.is_release);
        let [rto_target_ms, rpo_target_ms] =
            [options.rto_s, rpo_s].map(|target| target.unwrap_or(0).saturating_mul(1000));
        let lost_ms = |point: &Point| milliseconds(point.age.max(point.gap)).max(1);
        let rpo_ms = if self.is_release { Some(0) } else { self.rpo.as_ref().map(lost_ms) };
        let is_met =
            |target: u64, measured: Option<u64>| measured.is_some_and(|m| target == 0 || m <= target);
        let objectives = Objectives {
            rto_target_ms,
            rto_measured_ms: rto_ms.unwrap_or(0),
            rto_met: is_met(rto_target_ms, rto_ms),
            rpo_target_ms,
            rpo_measured_ms: rpo_ms.unwrap_or(0),
            rpo_met: is_met(rpo_target_ms, rpo_ms),
        };
        let mut findings = Vec::new();
        if !objectives.rto_met {
            findings.push(missed(
                Code::RtoMissed,
                rto_target_ms,
                rto_ms,
                "from the drill's start to its last probe",
            ));
        }
        if !objectives.rpo_met {
            let what = match &self.rpo {
                Some(point) if point.gap > point.age => "between two backups since the drill before",
                _ => "since the newest capture",
            };
            findings.push(missed(Code::RpoMissed, rpo_target_ms, rpo_ms, what));
        }
        let what = match self.is_release {
            true => "recovery time; a release has no recovery point",
            false => "recovery time and recovery point",
        };
        outcome.conclude("objectives", what, findings);
        objectives
    }
}

fn missed(code: Code, target_ms: u64, measured_ms: Option<u64>, what: &str) -> Finding {
    let subject = if code == Code::RtoMissed { "RTO" } else { "RPO" };
    let target =
        if target_ms == 0 { "a measurement".to_owned() } else { format!("at most {}", span(target_ms)) };
    let finding = Finding::new(code, subject).expected(target);
    finding.actual(match measured_ms {
        Some(measured) => format!("{} {what}", span(measured)),
        None => "the drill did not come that far".to_owned(),
    })
}

/// Never below zero: a capture of a moment ahead loses nothing.
fn milliseconds(duration: SignedDuration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(0)
}
