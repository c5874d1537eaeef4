//! The layout of the flow chart: paths that run, step by step, into contracts.
//!
//! In: paths with their contracts. Out: nodes and bands in the units of a drawing
//! [`WIDTH`] by [`HEIGHT`]. Touches in a row on one platform are one step: drawn singly, the
//! long runs that real paths begin with would hide every change of platform. A path of n
//! steps crosses n columns and ends in the contract node of the next one; steps after the
//! fourth share one node. Each node is as high as the contracts that pass it, so what flows
//! in flows out.

use std::collections::BTreeMap;

use crate::report::number::drawn;

/// Width of the drawing.
pub(super) const WIDTH: f64 = 1120.0;
/// Height of the drawing without its column headings.
pub(super) const HEIGHT: f64 = 360.0;
/// Steps drawn one by one.
pub(super) const STEPS: usize = 4;
/// Platforms drawn by name.
const PLATFORMS: usize = 8;
const NODE_WIDTH: f64 = 12.0;
/// Room for the labels of the last column.
const LABEL: f64 = 110.0;
const GAP: f64 = 14.0;

/// What a node stands for; the order is that of a column, from the top.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The `usize`-th most frequent platform.
    Platform(usize, String),
    /// Any less frequent one.
    Others,
    /// All steps after the fourth.
    Later,
    /// The contract.
    Contract,
}

/// A node: all contracts whose path has `kind` at this column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) column: usize,
    pub(super) kind: Kind,
    pub(super) contracts: i64,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) height: f64,
}

/// A band between two nodes, by their index.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Band {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) contracts: i64,
    /// Upper edge at its start and at its end.
    pub(super) top: (f64, f64),
    pub(super) thickness: f64,
}

/// Where everything lies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) nodes: Vec<Node>,
    pub(super) bands: Vec<Band>,
    pub(super) columns: usize,
}

impl Layout {
    /// Lays out `paths`; none when no contract flows.
    pub(super) fn of(paths: &[(&str, i64)]) -> Option<Self> {
        let total: i64 = paths.iter().map(|(_, contracts)| contracts).sum();
        if total <= 0 {
            return None;
        }
        let (weights, flows) = count_flows(paths);
        let columns = weights.keys().map(|(column, _)| column + 1).max()?;
        let mut in_column = vec![0_i64; columns];
        for (column, _) in weights.keys() {
            in_column[*column] += 1;
        }
        let gaps = drawn(in_column.iter().max()? - 1) * GAP;
        let scale = (HEIGHT - gaps) / drawn(total);
        let nodes = place_nodes(&weights, scale, columns);
        let bands = place_bands(&flows, &nodes, scale);
        Some(Self {
            nodes,
            bands,
            columns,
        })
    }
}

type Key = (usize, Kind);

/// Contracts per node and per pair of neighbouring nodes.
fn count_flows(paths: &[(&str, i64)]) -> (BTreeMap<Key, i64>, BTreeMap<(Key, Key), i64>) {
    let ranks = rank_platforms(paths);
    let mut weights = BTreeMap::new();
    let mut flows = BTreeMap::new();
    for (path, contracts) in paths {
        let route = route(path, &ranks);
        for pair in route.windows(2) {
            *flows.entry((pair[0].clone(), pair[1].clone())).or_insert(0) += contracts;
        }
        for node in route {
            *weights.entry(node).or_insert(0) += contracts;
        }
    }
    (weights, flows)
}

/// The platforms drawn by name, those on most drawn steps first.
fn rank_platforms(paths: &[(&str, i64)]) -> Vec<String> {
    let mut passed: BTreeMap<&str, i64> = BTreeMap::new();
    for (path, contracts) in paths {
        for platform in steps(path).into_iter().take(STEPS) {
            *passed.entry(platform).or_insert(0) += contracts;
        }
    }
    let mut ranked: Vec<(&str, i64)> = passed.into_iter().collect();
    ranked.sort_by_key(|(platform, contracts)| (-contracts, *platform));
    ranked
        .into_iter()
        .take(PLATFORMS)
        .map(|(platform, _)| platform.to_owned())
        .collect()
}

/// The platforms of a path, runs of one platform taken together.
fn steps(path: &str) -> Vec<&str> {
    let mut steps: Vec<&str> = path.split(" > ").collect();
    steps.dedup();
    steps
}

/// The nodes that a path passes, the contract included.
fn route(path: &str, ranks: &[String]) -> Vec<Key> {
    let steps = steps(path);
    let kind = |platform: &&str| {
        let rank = ranks.iter().position(|ranked| ranked == platform);
        rank.map_or(Kind::Others, |rank| {
            Kind::Platform(rank, (*platform).to_owned())
        })
    };
    let mut route: Vec<Key> = steps.iter().take(STEPS).map(kind).enumerate().collect();
    if steps.len() > STEPS {
        route.push((STEPS, Kind::Later));
    }
    route.push((route.len(), Kind::Contract));
    route
}

fn place_nodes(weights: &BTreeMap<Key, i64>, scale: f64, columns: usize) -> Vec<Node> {
    let last = i64::try_from(columns - 1).unwrap_or(1).max(1);
    let pitch = (WIDTH - NODE_WIDTH - LABEL) / drawn(last);
    let mut nodes: Vec<Node> = Vec::with_capacity(weights.len());
    for ((column, kind), contracts) in weights {
        let above = nodes.last().filter(|node| node.column == *column);
        let y = above.map_or(0.0, |node| node.y + node.height + GAP);
        let x = drawn(i64::try_from(*column).unwrap_or(0)) * pitch;
        let height = drawn(*contracts) * scale;
        let node = Node {
            column: *column,
            kind: kind.clone(),
            contracts: *contracts,
            x,
            y,
            height,
        };
        nodes.push(node);
    }
    nodes
}

fn place_bands(flows: &BTreeMap<(Key, Key), i64>, nodes: &[Node], scale: f64) -> Vec<Band> {
    let index = |key: &Key| {
        nodes
            .iter()
            .position(|node| (node.column, &node.kind) == (key.0, &key.1))
    };
    // Keys sort by column, then from the top, so the bands of a node never cross at its edge.
    let mut left: Vec<f64> = nodes.iter().map(|node| node.y).collect();
    let mut right = left.clone();
    let mut bands = Vec::with_capacity(flows.len());
    for ((from, to), contracts) in flows {
        let (Some(from), Some(to)) = (index(from), index(to)) else {
            continue;
        };
        let thickness = drawn(*contracts) * scale;
        let top = (right[from], left[to]);
        right[from] += thickness;
        left[to] += thickness;
        bands.push(Band {
            from,
            to,
            contracts: *contracts,
            top,
            thickness,
        });
    }
    bands
}

/// The outline of a band as an SVG path.
pub(super) fn outline(band: &Band, nodes: &[Node]) -> String {
    let start = nodes[band.from].x + NODE_WIDTH;
    let end = nodes[band.to].x;
    let middle = f64::midpoint(start, end);
    let (top, bottom) = (
        band.top,
        (band.top.0 + band.thickness, band.top.1 + band.thickness),
    );
    format!(
        "M{start:.1} {:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {end:.1} {:.1}\
         V{:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {start:.1} {:.1}Z",
        top.0, top.0, top.1, top.1, bottom.1, bottom.1, bottom.0, bottom.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [(&str, i64); 6] = [
        ("a", 3),
        ("a > a", 2),
        ("a > b", 3),
        ("b > b > a", 2),
        ("a > b > a > b > b", 4),
        ("a > b > a > b > c > a > b", 6),
    ];

    fn layout() -> Layout {
        Layout::of(&PATHS).unwrap()
    }

    #[test]
    fn what_flows_into_a_node_flows_out_of_it() {
        let layout = layout();
        for (index, node) in layout.nodes.iter().enumerate() {
            let sum = |end: fn(&Band) -> usize| {
                let bands = layout.bands.iter().filter(|band| end(band) == index);
                bands.map(|band| band.contracts).sum::<i64>()
            };
            let (into, out) = (sum(|band| band.to), sum(|band| band.from));
            assert_eq!(
                into,
                if node.column == 0 { 0 } else { node.contracts },
                "{node:?}"
            );
            assert_eq!(
                out,
                if node.kind == Kind::Contract {
                    0
                } else {
                    node.contracts
                }
            );
        }
        let ends = layout
            .nodes
            .iter()
            .filter(|node| node.kind == Kind::Contract);
        assert_eq!(ends.map(|node| node.contracts).sum::<i64>(), 20);
    }

    #[test]
    fn paths_end_where_their_steps_end() {
        // One step: 3 + 2. Two: 3 + 2. Four: 4. Seven, the last three folded: 6.
        let ends: Vec<(usize, i64)> = layout()
            .nodes
            .iter()
            .filter(|node| node.kind == Kind::Contract)
            .map(|node| (node.column, node.contracts))
            .collect();
        assert_eq!(ends, [(1, 5), (2, 5), (4, 4), (5, 6)]);
        let later = layout()
            .nodes
            .into_iter()
            .find(|node| node.kind == Kind::Later)
            .unwrap();
        assert_eq!((later.column, later.contracts), (4, 6));
    }

    #[test]
    fn nodes_of_a_column_do_not_overlap_and_stay_inside_the_drawing() {
        let layout = layout();
        for pair in layout
            .nodes
            .windows(2)
            .filter(|pair| pair[0].column == pair[1].column)
        {
            assert!(
                pair[0].y + pair[0].height + GAP - 1e-9 <= pair[1].y,
                "{pair:?}"
            );
        }
        for node in &layout.nodes {
            assert!(
                node.y >= 0.0 && node.y + node.height <= HEIGHT + 1e-9,
                "{node:?}"
            );
            assert!(
                node.x >= 0.0 && node.x + NODE_WIDTH <= WIDTH - LABEL + 1e-9,
                "{node:?}"
            );
        }
    }

    #[test]
    fn bands_fill_the_edges_of_their_nodes() {
        let layout = layout();
        for band in &layout.bands {
            for (node, top) in [(band.from, band.top.0), (band.to, band.top.1)] {
                let node = &layout.nodes[node];
                assert!(top >= node.y - 1e-9, "{band:?}");
                assert!(
                    top + band.thickness <= node.y + node.height + 1e-9,
                    "{band:?}"
                );
            }
        }
    }

    #[test]
    fn rare_platforms_share_a_node() {
        let names: Vec<String> = (0..12).map(|name| format!("p{name:02}")).collect();
        let paths: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let layout = Layout::of(&paths).unwrap();
        let others = layout
            .nodes
            .iter()
            .find(|node| node.kind == Kind::Others)
            .unwrap();
        assert_eq!(others.contracts, 4);
    }

    #[test]
    fn nothing_flows_without_contracts() {
        assert_eq!(Layout::of(&[]), None);
    }
}
