//! Many nodes in virtual time.

use nocturne_net::proto::SessionError;
use nocturne_net::sim::{LinkConfig, World};

fn busy(seed: u64) -> World {
    let mut world = World::new(seed, 6, LinkConfig::default());
    for round in 0..30 {
        for node in 0..6 {
            world.write(
                node,
                &format!("k{}", (round + node) % 7),
                &round.to_string(),
            );
        }
        world.run_for(500);
    }
    world
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let (one, two, other) = (busy(1), busy(1), busy(2));
    assert_eq!(one.trace(), two.trace());
    assert_eq!(one.stats(), two.stats());
    assert_ne!(one.trace(), other.trace());
}

#[test]
fn lossy_links_converge() {
    for seed in 0..8 {
        let mut world = busy(seed);
        world.run_for(60_000);
        assert!(world.converged(), "seed {seed}: {:?}", world.stats());
        assert_eq!(world.store(0).frontier().entries(), 180);
    }
}

#[test]
fn without_gossip_anti_entropy_is_enough() {
    let links = LinkConfig {
        gossip_loss: 1_000,
        break_chance: 50,
        ..LinkConfig::default()
    };
    let mut world = World::new(3, 5, links);
    for node in 0..5 {
        world.write(node, "same key", &node.to_string());
    }
    world.run_for(120_000);
    assert!(world.converged(), "{:?}", world.stats());
    assert_eq!(world.stats().gossip, 0);
    assert_eq!(world.store(0).replica().heads(b"same key").len(), 5);
}

#[test]
fn a_partition_heals_and_both_sides_writes_survive() {
    let mut world = World::new(5, 4, LinkConfig::default());
    for a in [0, 1] {
        for b in [2, 3] {
            world.block(a, b);
            world.block(b, a);
        }
    }
    world.write(0, "key", "left");
    world.write(3, "key", "right");
    world.run_for(90_000);
    assert!(!world.converged());
    assert_eq!(world.store(1).replica().heads(b"key").len(), 1);
    for a in [0, 1] {
        for b in [2, 3] {
            world.unblock(a, b);
            world.unblock(b, a);
        }
    }
    world.run_for(90_000);
    assert!(world.converged(), "{:?}", world.stats());
    assert_eq!(world.store(1).replica().heads(b"key").len(), 2);
    assert_eq!(
        world.store(0).replica().get(b"key"),
        world.store(3).replica().get(b"key")
    );
}

#[test]
fn a_one_way_partition_ends_sessions_by_their_deadlines_and_harms_nothing() {
    let links = LinkConfig {
        break_chance: 0,
        ..LinkConfig::default()
    };
    let mut world = World::new(9, 2, links);
    world.block(1, 0);
    world.write(0, "a", "1");
    world.write(1, "b", "2");
    world.run_for(300_000);
    assert!(world.store(0).replica().get(b"b").is_none());
    let timeouts = world
        .reports()
        .iter()
        .filter(|outcome| matches!(outcome, Err(SessionError::Timeout(_))))
        .count();
    assert!(timeouts > 0, "{:?}", world.stats());
    world.unblock(1, 0);
    world.run_for(120_000);
    assert!(world.converged(), "{:?}", world.stats());
}
