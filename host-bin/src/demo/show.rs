//! What does the audience see? Steps, a picture, tables and proofs, in colour on a terminal; or one JSON document and nothing else.

use core::fmt::Write as _;
use core::time::Duration;
use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use super::Verdict;
use super::cast::{Host, Kind, ROUTER, TRUCK, address};
use super::leases::Lease;
use super::proof::Proof;
use crate::testbed::private;

/// Writes to standard output.
#[derive(Debug)]
pub(super) struct Show {
    json: bool,
    colours: bool,
}

/// How a word looks on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ink {
    Bold,
    Dim,
    Good,
    Bad,
    /// One for each VLAN.
    Vlan(u8),
}

impl Ink {
    /// The parameters of "select graphic rendition" (ECMA-48 section 8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Vlan(1) => "36",
            Self::Vlan(_) => "35",
        }
    }
}

/// The whole of `--json`.
#[derive(Debug, Serialize)]
struct Document<'d> {
    held: bool,
    elapsed_ms: u128,
    hosts: Vec<Entry<'d>>,
    proofs: &'d [Proof],
}

#[derive(Debug, Serialize)]
struct Entry<'d> {
    name: &'d str,
    vlan: u8,
    kind: &'static str,
    #[serde(flatten)]
    lease: &'d Lease,
    after_power_cut: &'d Lease,
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Container => "container",
        Kind::Device { .. } => "device",
    }
}

/// A column of the picture, in characters.
const COLUMN: usize = 13;

/// What stands before the columns, such as the VLAN's number.
const MARGIN: usize = 10;

impl Show {
    pub(super) fn new(json: bool) -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colours }
    }

    fn say(&self, text: &str) {
        if !self.json {
            // When nobody reads on, the proofs still run and the exit code is right.
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{text}").and_then(|()| out.flush());
        }
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if self.colours { format!("\x1b[{}m{text}\x1b[0m", ink.code()) } else { text.to_owned() }
    }

    pub(super) fn title(&self, text: &str) {
        self.say(&self.ink(Ink::Bold, text));
    }

    pub(super) fn step(&self, text: &str) {
        self.say(&format!("\n{} {}", self.ink(Ink::Bold, "▶"), self.ink(Ink::Bold, text)));
    }

    /// The network: one VLAN above, the other below, and those who are in both in between.
    pub(super) fn picture(&self, hosts: &[Host]) {
        let cell = |text: &str| format!("{text:^COLUMN$}");
        let row = |vlan: u8, what: &dyn Fn(&Host) -> String| {
            let here = hosts.iter().filter(|host| host.role.vlan == vlan);
            let cells = here.map(|host| cell(&what(host))).collect::<String>();
            self.ink(Ink::Vlan(vlan), &format!("{}{cells}", " ".repeat(MARGIN + 2 * COLUMN)))
        };
        let bus = |vlan: u8, [shared, own]: [&str; 2]| {
            let here = hosts.iter().filter(|host| host.role.vlan == vlan).count();
            let mut line = format!("  VLAN {vlan} ═");
            for joint in [shared; 2].into_iter().chain(core::iter::repeat_n(own, here)) {
                let _ = write!(line, "{joint:═^COLUMN$}");
            }
            self.ink(Ink::Vlan(vlan), &line)
        };
        let both = |texts: [&str; 2]| format!("{}{}", " ".repeat(MARGIN), texts.map(cell).concat());
        let stems = |vlan: u8| row(vlan, &|_| "│".to_owned());
        let at = |vlan: u8| [TRUCK, ROUTER].map(|last| address(vlan, last).to_string());
        let [truck1, router1] = at(1);
        let [truck2, router2] = at(2);
        let lines = [
            String::new(),
            row(1, &|host| host.role.name.to_owned()),
            row(1, &|host| host.lease.address.to_string()),
            row(1, &|host| kind_name(host.role.kind).to_owned()),
            stems(1),
            bus(1, ["╤", "╧"]),
            both([&truck1, &router1]),
            self.ink(Ink::Bold, &both(["truck", "router"])),
            self.ink(Ink::Dim, &both(["hydrant serve", ""])),
            both([&truck2, &router2]),
            bus(2, ["╧", "╤"]),
            stems(2),
            row(2, &|host| kind_name(host.role.kind).to_owned()),
            row(2, &|host| host.lease.address.to_string()),
            row(2, &|host| host.role.name.to_owned()),
        ];
        self.say(&lines.map(|line| line.trim_end().to_owned()).join("\n"));
    }

    pub(super) fn table(&self, heading: &str, hosts: &[Host]) {
        let heads = format!(
            "  {:<15} {:<17}  {:<12} {:<7} {:<10}",
            "NAME", "MAC", "ADDRESS", "VLAN", "WHO"
        );
        self.say(&format!(
            "\n  {}\n{}",
            self.ink(Ink::Bold, heading),
            self.ink(Ink::Dim, heads.trim_end())
        ));
        for host in hosts {
            let vlan = self.ink(Ink::Vlan(host.role.vlan), &format!("{:<7}", host.role.vlan));
            let address = self.ink(Ink::Bold, &format!("{:<12}", host.lease.address.to_string()));
            let kind = kind_name(host.role.kind);
            self.say(&format!(
                "  {:<15} {:<17}  {address} {vlan} {kind}",
                host.role.name, host.lease.mac
            ));
        }
    }

    pub(super) fn proofs(&self, proofs: &[Proof]) {
        for proof in proofs {
            let mark = self.mark(proof.held());
            let counts = match proof.expected {
                0 => format!("{} sent, {} heard", proof.sent, proof.stray.len()),
                expected => {
                    format!("{} of {expected} heard, {} strayed", proof.heard, proof.stray.len())
                }
            };
            self.say(&format!("  {mark} {:<48} {}", proof.what, self.ink(Ink::Dim, &counts)));
            for (what, who) in
                [("did not hear it", &proof.missing), ("must not hear it", &proof.stray)]
            {
                for who in who {
                    self.say(&self.ink(Ink::Bad, &format!("      {who}: {what}")));
                }
            }
        }
    }

    fn mark(&self, good: bool) -> String {
        if good { self.ink(Ink::Good, "✔") } else { self.ink(Ink::Bad, "✘") }
    }

    /// Before and after, and whether they are the same.
    pub(super) fn comparison(&self, hosts: &[Host], again: &[Lease]) -> bool {
        let mut kept = hosts.len() == again.len();
        for (host, lease) in hosts.iter().zip(again) {
            let same = host.lease == *lease;
            kept &= same;
            let now = if same {
                "the same".to_owned()
            } else {
                format!("now {} {}", lease.mac, lease.address)
            };
            let (name, mac, address) =
                (host.role.name, &host.lease.mac, host.lease.address.to_string());
            self.say(&format!("  {} {name:<15} {mac:<17}  {address:<12} {now}", self.mark(same)));
        }
        kept
    }

    pub(super) fn end(
        &self,
        verdict: Verdict,
        elapsed: Duration,
        hosts: &[Host],
        again: &[Lease],
        proofs: &[Proof],
    ) {
        let held = verdict == Verdict::Held;
        if self.json {
            let hosts = hosts.iter().zip(again).map(|(host, after_power_cut)| Entry {
                name: host.role.name,
                vlan: host.role.vlan,
                kind: kind_name(host.role.kind),
                lease: &host.lease,
                after_power_cut,
            });
            let hosts = hosts.collect();
            let document = Document { held, elapsed_ms: elapsed.as_millis(), hosts, proofs };
            let text = serde_json::to_string_pretty(&document);
            let text = text.expect("the document is made of what JSON has");
            let _ = writeln!(std::io::stdout(), "{text}");
            return;
        }
        let secs = elapsed.as_secs_f32();
        self.say(&match verdict {
            Verdict::Held => {
                format!("\n{}", self.ink(Ink::Good, &format!("Everything held, in {secs:.1} s.")))
            }
            Verdict::Failed => format!(
                "\n{}",
                self.ink(Ink::Bad, &format!("Not everything held: see ✘ above ({secs:.1} s)."))
            ),
        });
    }

    /// How to look around while it stays up.
    pub(super) fn kept(&self, hosts: &[Host]) {
        let Some(id) = private::outer_id() else { return };
        let enter = format!(
            "{}nsenter --target {id} {}--net --mount --pid=/proc/{id}/ns/pid_for_children",
            if private::as_user() { "" } else { "sudo " },
            if private::as_user() { "--user --preserve-credentials " } else { "" },
        );
        let names = hosts.iter().map(|host| host.role.name).collect::<Vec<_>>().join(", ");
        let program = std::env::current_exe().unwrap_or_else(|_| "hydrant".into());
        let (program, state) = (program.display(), super::leases::state());
        let state = state.display();
        self.say(&format!(
            "\nThe truck stays up until Ctrl-C. From another terminal:\n\n\
             \x20 {enter} ip netns exec truck {program} leases --state {state}\n\
             \x20 {enter} ip netns exec dashboard ping 10.0.1.3\n\n\
             Nodes: truck, router, {names}."
        ));
    }
}
