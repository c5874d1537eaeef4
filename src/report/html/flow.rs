//! The flow chart's drawing: the layout with names, colours and outlines.
//!
//! In: the commonest paths. Out: nodes and bands for the template.

use serde::Serialize;

use super::colour::{self, Colour};
use super::sankey::{self, Kind, Layout};
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

/// Letters of a name on the drawing.
const LABEL: usize = 18;

pub(super) fn flow(report: &Report) -> Option<FlowView> {
    const HEADINGS: [&str; 6] = ["starts on", "then", "then", "then", "later steps", ""];
    let top = &report.paths.top;
    let paths: Vec<(&str, i64)> = top
        .iter()
        .map(|row| (row.path.as_str(), row.contracts))
        .collect();
    let layout = Layout::of(&paths)?;
    let name = |kind: &Kind| match kind {
        Kind::Platform(_, name) => name.clone(),
        Kind::Others => "other platforms".to_owned(),
        Kind::Later => "later steps".to_owned(),
        Kind::Contract => "contract".to_owned(),
    };
    // A longer name would run into the next column; a pointer on the node is told it whole.
    let short = |name: &str| {
        let is_long = name.chars().count() > LABEL;
        let cut = name.chars().take(if is_long { LABEL - 1 } else { LABEL });
        cut.chain(is_long.then_some('…')).collect::<String>()
    };
    let colour = |kind: &Kind| match kind {
        Kind::Platform(_, name) => Some(colour::of(name)),
        Kind::Others | Kind::Later => Some(colour::others()),
        Kind::Contract => None,
    };
    let tenth = |place: f64| (place * 10.0).round() / 10.0;
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
    let nodes = layout.nodes.iter().map(|node| FlowNode {
        x: tenth(node.x),
        y: tenth(node.y),
        height: tenth(node.height.max(1.0)),
        label: short(&name(&node.kind)),
        name: name(&node.kind),
        contracts: count(node.contracts),
        colour: colour(&node.kind),
    });
    let bands = layout.bands.iter().map(|band| {
        let (from, to) = (&layout.nodes[band.from], &layout.nodes[band.to]);
        let title = format!(
            "{} → {}: {}",
            name(&from.kind),
            name(&to.kind),
            count(band.contracts)
        );
        let outline = sankey::outline(band, &layout.nodes);
        FlowBand {
            outline,
            colour: colour(&from.kind).unwrap_or_else(colour::others),
            title,
        }
    });
    Some(FlowView {
        width: sankey::WIDTH,
        height: sankey::HEIGHT,
        columns,
        nodes: nodes.collect(),
        bands: bands.collect(),
    })
}
