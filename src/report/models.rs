//! The attribution models side by side.
//!
//! In: `model_comparison`. Out: a matrix of platforms and models, the platforms with most
//! credited money first, those beyond the limit folded into one row, and each model's total.

use datafusion::prelude::SessionContext;

use super::ReportError;
use super::data::{Credit, ModelRow, Models};
use super::number::Decimal;
use super::read::{PLATFORMS, platform_names};
use super::rows::Rows;

pub(super) async fn read(
    context: &SessionContext,
    order: &[String],
) -> Result<Models, ReportError> {
    let models = names(context, order).await?;
    let rows = Rows::query(context, "model_comparison", &matrix()).await?;
    let places = rows.counts("place")?;
    let platforms = platform_names(&rows)?;
    let model = rows.texts("model")?;
    let conversions = rows.floats("conversions")?;
    let revenue = rows.decimals("revenue", 2)?;
    let none = Credit {
        conversions: 0.0,
        revenue: Decimal::new(0, 2),
    };
    let mut shown: Vec<ModelRow> = Vec::new();
    let mut totals = vec![none; models.len()];
    for row in 0..rows.len() {
        if row == 0 || places[row] != places[row - 1] {
            let cells = vec![none; models.len()];
            shown.push(ModelRow {
                platform: platforms[row].clone(),
                cells,
            });
        }
        let column = models.iter().position(|name| *name == model[row]);
        if let (Some(column), Some(last)) = (column, shown.last_mut()) {
            let credit = Credit {
                conversions: steady(conversions[row]),
                revenue: revenue[row],
            };
            last.cells[column] = credit;
            totals[column] = sum(totals[column], credit);
        }
    }
    Ok(Models {
        models,
        rows: shown,
        totals,
    })
}

/// The models of the run in the order given, any others after them by name.
async fn names(context: &SessionContext, order: &[String]) -> Result<Vec<String>, ReportError> {
    let sql = "select distinct model from prod.model_comparison order by model";
    let found = Rows::query(context, "model_comparison", sql)
        .await?
        .texts("model")?;
    let others = found.into_iter().filter(|name| !order.contains(name));
    Ok(order.iter().cloned().chain(others).collect())
}

/// The query for one row per model and platform shown, or per model and the folded rest.
fn matrix() -> String {
    format!(
        "with ranked as (
            select platform, row_number() over (order by revenue desc, platform) as place
            from (
                select platform, sum(revenue) as revenue from prod.model_comparison
                group by platform
            ) as credited
        ),
        placed as (
            select case when place <= {PLATFORMS} then credit.platform end as platform,
                   case when place <= {PLATFORMS} then place else {PLATFORMS} + 1 end as place,
                   (select count(*) from ranked) - {PLATFORMS} as platforms,
                   credit.model, credit.conversions, credit.revenue
            from prod.model_comparison as credit
            inner join ranked on credit.platform = ranked.platform
        )
        select place, platform, platforms, model,
               sum(conversions) as conversions, coalesce(sum(revenue), 0) as revenue
        from placed
        group by place, platform, platforms, model
        order by place, model"
    )
}

fn sum(left: Credit, right: Credit) -> Credit {
    let cents = left.revenue.unscaled() + right.revenue.unscaled();
    let conversions = steady(left.conversions + right.conversions);
    Credit {
        conversions,
        revenue: Decimal::new(cents, 2),
    }
}

/// Nine digits after the point: what is left does not depend on the order of a sum.
fn steady(conversions: f64) -> f64 {
    (conversions * 1e9).round() / 1e9
}
