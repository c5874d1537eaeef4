//! The table functions over client-ordered touches, through SQL, against rows worked by hand.
//!
//! The touches, in path order; touches are a day apart unless the text says otherwise:
//!
//! | client | touch | time | platform | is |
//! |---|---|---|---|---|
//! | 1 | 11 | 1 January | direct | direct |
//! | 1 | 12 | 3 January | google | paid |
//! | 1 | 13 | 3 January, a tie with 12 | email | |
//! | 1 | 14 | 8 January | email | contract of 100.00 |
//! | 2 | 21 | 2 January | form | contract of 10.00 |
//! | 2 | 22 | 5 January | form | |
//! | 3 | 31 | 1 January | facebook | paid |
//! | 3 | 32 | 11 January, ten days later | null | direct, contract of 1.00 |
//! | 3 | 33 | one microsecond later | direct | direct, contract without amount |

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::{SessionContext, col};
use touchpath::engine::{Engine, EngineOptions, user_message};
use touchpath::platform::RuleSet;

/// The rows of the table above, in another order.
const TOUCHES: &str = "
    select column1 as client_id, column2 as event_source_id,
           arrow_cast(column3, 'Timestamp(Microsecond, None)') as event_date,
           column4 as platform, column5 as is_paid, column6 as is_direct,
           column7 as is_contract, arrow_cast(column8, 'Decimal128(18, 2)') as contract_amount
    from (values
        (3, 33, '2025-01-11T00:00:00.000001', 'direct', false, true, true, null),
        (1, 13, '2025-01-03T00:00:00', 'email', null, false, null, null),
        (2, 22, '2025-01-05T00:00:00', 'form', false, false, false, null),
        (1, 14, '2025-01-08T00:00:00', 'email', false, false, true, 100.00),
        (3, 31, '2025-01-01T00:00:00', 'facebook', true, false, false, null),
        (1, 12, '2025-01-03T00:00:00', 'google', true, false, false, null),
        (2, 21, '2025-01-02T00:00:00', 'form', false, false, true, 10.00),
        (1, 11, '2025-01-01T00:00:00', 'direct', false, true, false, 5.00),
        (3, 32, '2025-01-11T00:00:00', null, false, true, true, 1.00))";

fn session(batch_size: usize) -> SessionContext {
    let options = EngineOptions {
        threads: 2,
        memory_bytes: 1 << 28,
        batch_size,
        time_zone: "Europe/Kyiv".to_owned(),
        rules: Arc::new(RuleSet::builtin("v10").unwrap()),
    };
    Engine::empty(&options).unwrap().context().clone()
}

async fn batch(session: &SessionContext, sql: &str) -> RecordBatch {
    let frame = session.sql(sql).await.unwrap();
    let schema = Arc::clone(frame.schema().inner());
    concat_batches(&schema, &frame.collect().await.unwrap()).unwrap()
}

/// Sessions in which `t` is the table above: shuffled, so that it must be sorted; and known to
/// be sorted, in batches of 1, 2, 3 and all rows, so that clients lie across batches.
async fn sessions() -> Vec<(String, SessionContext)> {
    let mut sessions = Vec::new();
    for batch_size in [1, 2, 3, 8192] {
        let shuffled = session(batch_size);
        let rows = batch(&shuffled, TOUCHES).await;
        shuffled.register_batch("t", rows).unwrap();
        let query = "select * from t order by client_id, event_date, event_source_id";
        let rows = batch(&shuffled, query).await;
        sessions.push((format!("shuffled, batches of {batch_size}"), shuffled));

        let starts = (0..rows.num_rows()).step_by(batch_size);
        let cut = starts.map(|start| rows.slice(start, batch_size.min(rows.num_rows() - start)));
        let order = ["client_id", "event_date", "event_source_id"];
        let order = order.map(|name| col(name).sort(true, false)).to_vec();
        let table = MemTable::try_new(rows.schema(), vec![cut.collect()]).unwrap();
        let sorted = session(8192);
        sorted
            .register_table("t", Arc::new(table.with_sort_order(vec![order])))
            .unwrap();
        sessions.push((format!("sorted, batches of {batch_size}"), sorted));
    }
    sessions
}

/// The rows of a query, cells separated by spaces.
async fn rows(session: &SessionContext, sql: &str) -> Result<Vec<String>, DataFusionError> {
    let batches = session.sql(sql).await?.collect().await?;
    let options = FormatOptions::new().with_null("null");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns = batch.columns().iter();
        let columns: Result<Vec<_>, _> = columns
            .map(|column| ArrayFormatter::try_new(column, &options))
            .collect();
        let columns = columns?;
        rows.extend((0..batch.num_rows()).map(|row| {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| column.value(row).to_string())
                .collect();
            cells.join(" ")
        }));
    }
    Ok(rows)
}

async fn assert_everywhere(sql: &str, expected: &[&str]) {
    for (how, session) in sessions().await {
        assert_eq!(rows(&session, sql).await.unwrap(), expected, "{how}");
    }
}

#[tokio::test]
async fn touches_are_numbered_in_path_order_ties_by_id() {
    let sql = "select client_id, event_source_id, touch_sequence_number, is_first_touch,
                      is_last_touch, cast(first_touch_date as date)
               from sequence_touches('t')
               order by client_id, touch_sequence_number";
    assert_everywhere(
        sql,
        &[
            "1 11 1 true false 2025-01-01",
            "1 12 2 false false 2025-01-01",
            "1 13 3 false false 2025-01-01",
            "1 14 4 false true 2025-01-01",
            "2 21 1 true false 2025-01-02",
            "2 22 2 false true 2025-01-02",
            "3 31 1 true false 2025-01-01",
            "3 32 2 false false 2025-01-01",
            "3 33 3 false true 2025-01-01",
        ],
    )
    .await;
}

/// The order of the output is known to the planner, so a projection must not break it.
#[tokio::test]
async fn a_projection_of_the_sequence_keeps_its_order() {
    let sql = "select touch_sequence_number, platform from sequence_touches('t')
               order by client_id, touch_sequence_number";
    let expected = [
        "1 direct",
        "2 google",
        "3 email",
        "4 email",
        "1 form",
        "2 form",
        "1 facebook",
        "2 null",
        "3 direct",
    ];
    assert_everywhere(sql, &expected).await;
}

#[tokio::test]
async fn a_client_is_one_row_of_lists_in_path_order() {
    assert_everywhere(
        "select client_id, event_source_id, platform, is_contract from client_paths('t')
         order by client_id",
        &[
            "1 [11, 12, 13, 14] [direct, google, email, email] [false, false, null, true]",
            "2 [21, 22] [form, form] [true, false]",
            "3 [31, 32, 33] [facebook, null, direct] [false, true, true]",
        ],
    )
    .await;
}

const CONTRACT_COLUMNS: &str = "
    select contract['event_source_id'], first_touch['event_source_id'],
           last_paid_touch['event_source_id'], total_touches, platforms";

/// 14 has a path of four, 21 only itself, 33 the whole of client 3. 12 was paid before 14 and
/// 31 before 32 and 33; 21 has no paid touch.
#[tokio::test]
async fn a_contract_has_the_touches_up_to_its_event() {
    let sql = format!("{CONTRACT_COLUMNS} from contract_paths('t', null) order by 1");
    let expected = [
        "14 11 12 4 [direct, google, email, email]",
        "21 21 null 1 [form]",
        "32 31 31 2 [facebook, null]",
        "33 31 31 3 [facebook, null, direct]",
    ];
    assert_everywhere(&sql, &expected).await;
}

/// 31 lies ten days before 32 and stays; before 33 it lies a microsecond more and goes, and
/// with it the paid touch.
#[tokio::test]
async fn a_touch_at_the_edge_of_the_lookback_window_stays() {
    let sql = format!(
        "{CONTRACT_COLUMNS} from contract_paths('t', 10) where contract['client_id'] = 3
         order by 1"
    );
    assert_everywhere(
        &sql,
        &["32 31 31 2 [facebook, null]", "33 32 null 2 [null, direct]"],
    )
    .await;

    // Five days before 14 are 3 January: 12 and 13 stay, 11 goes.
    let sql =
        format!("{CONTRACT_COLUMNS} from contract_paths('t', 5) where contract['client_id'] = 1");
    assert_everywhere(&sql, &["14 12 12 3 [google, email, email]"]).await;
}

/// Linear: 100.00 over four is 25.00; 10.00 to 21; 1.00 over two is 0.50; a contract without
/// amount is worth 0.00, its weights are thirds. The contract of 22 is none, 11's amount is no
/// contract's. Last paid: 12, 21 (the first touch, for want of one), 31, 31.
#[tokio::test]
async fn credit_is_split_in_cents_by_model() {
    let sql = "select contract_source_id, model, event_source_id, weight, revenue
               from touch_credit('t', 'linear,last_paid_touch', null)
               order by model, contract_source_id, event_source_id";
    assert_everywhere(
        sql,
        &[
            "14 last_paid_touch 12 1.0 100.00",
            "21 last_paid_touch 21 1.0 10.00",
            "32 last_paid_touch 31 1.0 1.00",
            "33 last_paid_touch 31 1.0 0.00",
            "14 linear 11 0.25 25.00",
            "14 linear 12 0.25 25.00",
            "14 linear 13 0.25 25.00",
            "14 linear 14 0.25 25.00",
            "21 linear 21 1.0 10.00",
            "32 linear 31 0.5 0.50",
            "32 linear 32 0.5 0.50",
            "33 linear 31 0.3333333333333333 0.00",
            "33 linear 32 0.3333333333333333 0.00",
            "33 linear 33 0.3333333333333333 0.00",
        ],
    )
    .await;
}

/// With five days 14 has three touches: 33.33 each and the cent left to the earliest. With ten
/// days 33 has no paid touch: the first of its path, 32, gets it.
#[tokio::test]
async fn credit_keeps_to_the_lookback_window() {
    let sql = "select event_source_id, revenue, platform
               from touch_credit('t', 'linear', 5) where contract_source_id = 14
               order by event_source_id";
    assert_everywhere(
        sql,
        &["12 33.34 google", "13 33.33 email", "14 33.33 email"],
    )
    .await;
    let sql = "select contract_source_id, event_source_id
               from touch_credit('t', 'last_paid_touch', 10) where client_id = 3
               order by contract_source_id";
    assert_everywhere(sql, &["32 31", "33 32"]).await;
}

/// One client of seven touches in batches of one to three, each touch a contract of a cent:
/// the n-th contract has n touches.
#[tokio::test]
async fn a_client_may_fill_every_batch() {
    let sql = "
        select 1 as client_id, value as event_source_id, 'form' as platform,
               arrow_cast('2025-01-01T00:00:00', 'Timestamp(Microsecond, None)') as event_date,
               false as is_paid, false as is_direct, true as is_contract,
               arrow_cast(0.01, 'Decimal128(18, 2)') as contract_amount
        from generate_series(1, 7)";
    for batch_size in [1, 2, 3] {
        let session = session(batch_size);
        let whole = batch(&session, sql).await;
        session.register_batch("t", whole).unwrap();
        let touches = "select max(touch_sequence_number), count(*) filter (where is_first_touch),
                              count(*) filter (where is_last_touch)
                       from sequence_touches('t')";
        assert_eq!(
            rows(&session, touches).await.unwrap(),
            ["7 1 1"],
            "{batch_size}"
        );
        let path = "select event_source_id from client_paths('t')";
        assert_eq!(
            rows(&session, path).await.unwrap(),
            ["[1, 2, 3, 4, 5, 6, 7]"]
        );
        let contracts = "select contract['event_source_id'], total_touches
                         from contract_paths('t', null) order by 1";
        let expected = ["1 1", "2 2", "3 3", "4 4", "5 5", "6 6", "7 7"];
        assert_eq!(
            rows(&session, contracts).await.unwrap(),
            expected,
            "{batch_size}"
        );
        // 1 + 2 + … + 7 = 28 touches with weight; a cent goes to the first of each path.
        let credit =
            "select count(*), sum(revenue), sum(revenue) filter (where event_source_id = 1)
                      from touch_credit('t', 'linear', null)";
        assert_eq!(
            rows(&session, credit).await.unwrap(),
            ["28 0.07 0.07"],
            "{batch_size}"
        );
    }
}

#[tokio::test]
async fn no_touch_makes_no_row() {
    let session = session(8192);
    let whole = batch(&session, TOUCHES).await;
    session.register_batch("t", whole.slice(0, 0)).unwrap();
    for call in [
        "sequence_touches('t')",
        "client_paths('t')",
        "contract_paths('t', null)",
        "touch_credit('t', 'linear', 3)",
    ] {
        let found = rows(&session, &format!("select * from {call}"))
            .await
            .unwrap();
        assert!(found.is_empty(), "{call}: {found:?}");
    }
}

/// What the user is told, or how many rows there are.
async fn answer(session: &SessionContext, call: &str) -> String {
    match rows(session, &format!("select * from {call}")).await {
        Ok(rows) => format!("{} rows", rows.len()),
        Err(error) => user_message(&error).message,
    }
}

#[tokio::test]
async fn a_touch_without_a_client_is_an_error() {
    let session = session(8192);
    let whole = batch(&session, TOUCHES).await;
    session.register_batch("t", whole).unwrap();
    let view = "create view u as select nullif(client_id, 2) as client_id, event_source_id,
                event_date, platform, is_paid, is_direct, is_contract, contract_amount from t";
    session.sql(view).await.unwrap();
    for call in [
        "sequence_touches('u')",
        "client_paths('u')",
        "contract_paths('u', null)",
        "touch_credit('u', 'linear', null)",
    ] {
        assert_eq!(
            answer(&session, call).await,
            "touches without a client have no path: filter `client_id is not null`",
            "{call}"
        );
    }
}

#[tokio::test]
async fn wrong_arguments_are_answered_with_the_right_ones() {
    let session = session(8192);
    let whole = batch(&session, TOUCHES).await;
    session.register_batch("t", whole).unwrap();
    for view in [
        "create view narrow as select client_id, event_date from t",
        "create view wide as select client_id, event_date,
         arrow_cast(event_source_id, 'Int32') as event_source_id from t",
        "create view flat as select client_id, event_date, event_source_id from t",
    ] {
        session.sql(view).await.unwrap();
    }
    let mut said = Vec::new();
    for call in [
        "sequence_touches()",
        "sequence_touches(5)",
        "sequence_touches('t', 5)",
        "sequence_touches('nowhere')",
        "sequence_touches('narrow')",
        "sequence_touches('wide')",
        "client_paths('t', 'u')",
        "contract_paths('t')",
        "contract_paths('t', -1)",
        "contract_paths('t', 'ten')",
        "contract_paths('flat', 10)",
        "touch_credit('t', 'linear')",
        "touch_credit('t', 7, null)",
        "touch_credit('t', 'lineal', null)",
        "touch_credit('flat', 'linear', null)",
    ] {
        said.push(format!("{call}\n    {}", answer(&session, call).await));
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(said.join("\n"));
    });
}
