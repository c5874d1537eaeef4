//! The physical operator of the pass: one sorted input partition, one output partition.

use std::fmt;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexOrdering, OrderingRequirements, Partitioning,
    PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
};
use tokio::sync::mpsc::Sender;

use crate::engine::pass::function::Pass;
use crate::engine::pass::{clients, sequence};

/// Batches that may wait for the reader: the walk and the reader overlap, memory stays flat.
const CHANNEL_BATCHES: usize = 2;

/// Where the walk puts its batches.
pub(super) type Output = Sender<Result<RecordBatch>>;

/// Walks its input in client order.
#[derive(Debug)]
pub(super) struct PassExec {
    input: Arc<dyn ExecutionPlan>,
    pass: Pass,
    order: LexOrdering,
    properties: Arc<PlanProperties>,
}

impl PassExec {
    pub(super) fn try_new(
        input: Arc<dyn ExecutionPlan>,
        pass: Pass,
        output: SchemaRef,
    ) -> Result<Self> {
        let order = path_order(&input.schema(), pass.order(&input.schema()))?;
        let known = match pass {
            Pass::Sequence => path_order(&output, &["client_id", "touch_sequence_number"]),
            Pass::Clients => path_order(&output, &["client_id"]),
            Pass::Contracts { .. } | Pass::Credit { .. } => path_order(&output, &[]),
        };
        let mut equivalences = EquivalenceProperties::new(output);
        if let Ok(order) = known {
            equivalences.add_ordering(order);
        }
        let properties = PlanProperties::new(
            equivalences,
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            input,
            pass,
            order,
            properties: Arc::new(properties),
        })
    }
}

/// Ascending, nulls last, by the named columns.
fn path_order(schema: &SchemaRef, names: &[&str]) -> Result<LexOrdering> {
    let options = SortOptions {
        descending: false,
        nulls_first: false,
    };
    let mut keys = Vec::with_capacity(names.len());
    for name in names {
        keys.push(PhysicalSortExpr::new(col(name, schema)?, options));
    }
    LexOrdering::new(keys).ok_or_else(|| exec_datafusion_err!("no columns to order by"))
}

impl DisplayAs for PassExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pass {
            Pass::Sequence => f.write_str("TouchPass: sequence"),
            Pass::Clients => f.write_str("TouchPass: clients"),
            Pass::Contracts { .. } => f.write_str("TouchPass: contracts"),
            Pass::Credit { models, .. } => {
                write!(f, "TouchPass: credit of {} models", models.len())
            }
        }
    }
}

impl ExecutionPlan for PassExec {
    fn name(&self) -> &'static str {
        "TouchPass"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![Some(OrderingRequirements::from(self.order.clone()))]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for key in &self.order {
            if f(&key.expr)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = <[_; 1]>::try_from(children)
            .or_else(|all| exec_err!("TouchPass has one input, not {}", all.len()))?;
        Ok(Arc::new(Self::try_new(
            input,
            self.pass.clone(),
            self.schema(),
        )?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return exec_err!("TouchPass has one partition, not {partition}");
        }
        let input = self.input.execute(0, Arc::clone(&context))?;
        let mut stream = RecordBatchReceiverStream::builder(self.schema(), CHANNEL_BATCHES);
        let (output, pass, schema) = (stream.tx(), self.pass.clone(), self.schema());
        let rows = context.session_config().batch_size();
        stream.spawn(async move {
            match pass {
                Pass::Sequence => sequence::walk(input, schema, output).await,
                other => clients::walk(input, other, schema, rows, output).await,
            }
        });
        Ok(stream.build())
    }
}
