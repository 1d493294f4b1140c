//! Events of every kind, for tests.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use provenance_log::encoding::time_text;
use provenance_log::leaf::Event;
use provenance_log::purl::{Package, Repository};

use crate::actor::{Actor, OidcActor};
use crate::attestation::{Attestation, Release};
use crate::details::*;
use crate::lists::{OwnerLevel, Owners, Publisher, Publishers};

pub(crate) fn attestations() -> impl Strategy<Value = Attestation> {
    select(Event::ALL).prop_flat_map(attestation)
}

fn attestation(event: Event) -> impl Strategy<Value = Attestation> {
    let count = if event.is_of_package() {
        0..=0
    } else if event.is_of_release() {
        1..=1
    } else {
        1..=20
    };
    (package(), "[!-~]{1,64}", time(), actor(), btree_set(release(), count), details(event)).prop_map(
        |(package, id, occurred_at, actor, releases, details)| Attestation {
            registry: "https://hex.pm".to_owned(),
            package,
            id,
            occurred_at,
            actor,
            releases,
            details,
        },
    )
}

fn package() -> impl Strategy<Value = Package> {
    let url = "https://[a-z][a-z0-9.-]{0,20}(:8[0-9]{2})?(/[a-zA-Z0-9._~-]{1,9}){0,3}".prop_map(Repository::Url);
    let organisation = "o[a-z0-9_]{0,9}".prop_map(Repository::Organisation);
    (prop_oneof![Just(Repository::Public), organisation, url], "[a-z][a-z0-9_]{0,30}")
        .prop_map(|(repository, name)| Package::of(&repository, &name).unwrap())
}

fn time() -> impl Strategy<Value = String> {
    (0u64..253_402_300_800, "(|[.][0-9]{1,9})Z")
        .prop_map(|(seconds, rest)| time_text(seconds).unwrap().replace('Z', &rest))
}

fn release() -> impl Strategy<Value = Release> {
    ("(0|1|20)[.][0-9][.][0-9](-rc[.][0-9])?([+][a-z0-9]{1,5})?", any::<[u8; 32]>())
        .prop_map(|(version, digest)| Release { version, digest })
}

/// One line that begins and ends with something to see.
fn line() -> impl Strategy<Value = String> {
    "[^\\p{Cc}\\s]([^\\p{Cc}]{0,30}[^\\p{Cc}\\s])?"
}

fn claim() -> impl Strategy<Value = String> {
    "[a-z]{1,9}/[a-z0-9_.@/-]{1,30}"
}

fn handle() -> impl Strategy<Value = String> {
    "[a-z][a-zA-Z0-9_.:/+=~-]{0,30}"
}

fn actor() -> impl Strategy<Value = Actor> {
    let job = ("https://[a-z.]{1,20}", of(claim()), of(claim()), of(claim()), of(claim())).prop_map(
        |(issuer, repository, workflow, reference, environment)| {
            Actor::Oidc(OidcActor { issuer, repository, workflow, reference, environment })
        },
    );
    prop_oneof![handle().prop_map(|id| Actor::User { id }), of(handle()).prop_map(|id| Actor::System { id }), job]
}

fn details(event: Event) -> BoxedStrategy<Details> {
    let message = || of("[^\\p{Cc}]{1,60}");
    match event {
        Event::Publish => (links(0), of(any::<[u8; 32]>()))
            .prop_map(|(provenance, replaces)| Details::Publish { provenance, replaces })
            .boxed(),
        Event::Provenance => links(1).prop_map(|provenance| Details::Provenance { provenance }).boxed(),
        Event::Unpublish => message().prop_map(|reason| Details::Unpublish { reason }).boxed(),
        Event::Retire => {
            (select(Reason::ALL), message()).prop_map(|(reason, message)| Details::Retire { reason, message }).boxed()
        }
        Event::Unretire => (of(select(Reason::ALL)), message())
            .prop_map(|(reason, message)| Details::Unretire { reason, message })
            .boxed(),
        Event::Vulnerability => (advisory(), select(AdvisoryState::ALL))
            .prop_map(|(advisory, state)| Details::Vulnerability { advisory, state })
            .boxed(),
        Event::Vex => (document(), btree_map("[!-~]{1,30}", select(Status::ALL), 1..5))
            .prop_map(|(document, statements)| Details::Vex { document, statements })
            .boxed(),
        Event::Owners => owners_change().prop_map(Details::Owners).boxed(),
        Event::Publishers => publishers_change().prop_map(Details::Publishers).boxed(),
        Event::Package => (select(PackageAction::ALL), handle())
            .prop_map(|(action, owner)| Details::Package(PackageChange { action, owner: Some(owner) }))
            .boxed(),
    }
}

fn links(least: usize) -> impl Strategy<Value = Vec<Link>> {
    let hints = (line(), of(line()), of(line()), of(0u8..=3));
    let link =
        |(bundle, (predicate_type, builder, source, level))| Link { predicate_type, bundle, builder, source, level };
    btree_map(any::<[u8; 32]>(), hints, least..4).prop_map(move |links| links.into_iter().map(link).collect())
}

fn advisory() -> impl Strategy<Value = Advisory> {
    ("[!-~]{1,30}", btree_set("[!-~]{1,30}", 0..4), "https://[a-z]{1,9}/[a-z]{0,9}", time(), any::<[u8; 32]>())
        .prop_map(|(id, aliases, source, modified, digest)| Advisory { id, aliases, source, modified, digest })
}

fn document() -> impl Strategy<Value = Document> {
    (select(Format::ALL), line(), line(), any::<[u8; 32]>(), "https://[a-z]{1,9}/[a-z]{0,9}")
        .prop_map(|(format, id, version, digest, url)| Document { format, id, version, digest, url })
}

fn owners_change() -> impl Strategy<Value = OwnersChange> {
    (
        select(OwnerAction::ALL),
        handle(),
        of(select(OwnerLevel::ALL)),
        btree_map(handle(), select(OwnerLevel::ALL), 0..5),
    )
        .prop_map(|(action, owner, level, mut owners): (_, _, _, BTreeMap<_, _>)| {
            owners.remove(&owner);
            let level = if action == OwnerAction::Remove { level } else { level.or(Some(OwnerLevel::Full)) };
            if let Some(level) = level.filter(|_| action != OwnerAction::Remove) {
                owners.insert(owner.clone(), level);
            }
            OwnersChange { action, owner, level, owners: Owners(owners) }
        })
}

fn publishers_change() -> impl Strategy<Value = PublishersChange> {
    (select(PublisherAction::ALL), publisher(), vec(publisher(), 0..4)).prop_map(|(action, publisher, others)| {
        let mut publishers: BTreeSet<_> = others.into_iter().collect();
        if action == PublisherAction::Add {
            publishers.insert(publisher.clone());
        } else {
            publishers.remove(&publisher);
        }
        PublishersChange { action, publisher, publishers: Publishers(publishers) }
    })
}

fn publisher() -> impl Strategy<Value = Publisher> {
    ("https://[a-z.]{1,20}", btree_map("c[a-d0-9_]{0,9}", claim(), 1..4))
        .prop_map(|(issuer, claims)| Publisher { issuer, claims })
}
