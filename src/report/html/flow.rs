//! The flow chart's drawing: the layout with names, colours and outlines.
//!
//! In: the commonest paths. Out: nodes and bands for the template.

use serde::Serialize;

use super::colour::{self, Colour};
use super::sankey::{self, Band, Kind, Layout, Node};
use crate::report::data::Report;
use crate::report::number::count;

#[derive(Debug, Serialize)]
pub(super) struct FlowView {
    width: f64,
    height: f64,
    columns: Vec<FlowColumn>,
    nodes: Vec<FlowNode>,
    bands: Vec<FlowBand>,
}

#[derive(Debug, Serialize)]
pub(super) struct FlowColumn {
    x: f64,
    heading: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct FlowNode {
    x: f64,
    y: f64,
    height: f64,
    name: String,
    label: String,
    contracts: String,
    colour: Option<Colour>,
}

#[derive(Debug, Serialize)]
pub(super) struct FlowBand {
    outline: String,
    colour: Colour,
    title: String,
}

/// Letters of a name on the drawing: a longer one would run into the next column.
const LABEL: usize = 18;
/// What stands above the columns.
const HEADINGS: [&str; 6] = ["starts on", "then", "then", "then", "later steps", ""];

/// The drawing of the commonest paths; none without contracts.
pub(super) fn flow(report: &Report) -> Option<FlowView> {
    let top = report.paths.top.iter();
    let paths: Vec<(&str, i64)> = top.map(|row| (row.path.as_str(), row.contracts)).collect();
    let layout = Layout::of(&paths)?;
    let mut columns: Vec<FlowColumn> = Vec::new();
    for node in layout
        .nodes
        .iter()
        .filter(|node| node.kind != Kind::Contract)
    {
        if node.column == columns.len() {
            columns.push(FlowColumn {
                x: tenth(node.x),
                heading: HEADINGS[node.column],
            });
        }
    }
    Some(FlowView {
        width: sankey::WIDTH,
        height: sankey::HEIGHT,
        columns,
        nodes: layout.nodes.iter().map(node).collect(),
        bands: layout
            .bands
            .iter()
            .map(|flow| band(flow, &layout.nodes))
            .collect(),
    })
}

fn node(node: &Node) -> FlowNode {
    let name = name(&node.kind);
    let is_long = name.chars().count() > LABEL;
    let cut = name.chars().take(if is_long { LABEL - 1 } else { LABEL });
    FlowNode {
        x: tenth(node.x),
        y: tenth(node.y),
        height: tenth(node.height.max(1.0)),
        label: cut.chain(is_long.then_some('…')).collect(),
        name,
        contracts: count(node.contracts),
        colour: colour(&node.kind),
    }
}

fn band(band: &Band, nodes: &[Node]) -> FlowBand {
    let (from, to) = (&nodes[band.from].kind, &nodes[band.to].kind);
    FlowBand {
        outline: sankey::outline(band, nodes),
        colour: colour(from).unwrap_or_else(colour::others),
        title: format!("{} → {}: {}", name(from), name(to), count(band.contracts)),
    }
}

fn name(kind: &Kind) -> String {
    match kind {
        Kind::Platform(_, name) => name.clone(),
        Kind::Others => "other platforms".to_owned(),
        Kind::Later => "later steps".to_owned(),
        Kind::Contract => "contract".to_owned(),
    }
}

/// The contract has the colour of money, which is the style sheet's.
fn colour(kind: &Kind) -> Option<Colour> {
    match kind {
        Kind::Platform(_, name) => Some(colour::of(name)),
        Kind::Others | Kind::Later => Some(colour::others()),
        Kind::Contract => None,
    }
}

fn tenth(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}
