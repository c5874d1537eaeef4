-- What clients of one month of first touch bring in the months after it.
--
-- Months without contracts are written with zeros up to the cohort's last month with one;
-- a contract dated before the first touch counts in a negative month.
--
-- grain:  cohort_month, months_since
-- column: cohort_month  date not null  first day of the month of the clients' first touch
-- column: months_since  integer not null  calendar months from it to the contract's date
-- column: clients  bigint not null  size of the cohort
-- column: converted_clients  bigint not null  clients with a contract in that month
-- column: contracts  bigint not null  contracts in that month
-- column: revenue  decimal(18,2) not null  their money
-- column: cumulative_revenue_per_client  decimal(18,2) not null  money up to that month per client of the cohort
with

client as (
    select
        client_id,
        cast(date_trunc('month', event_date) as date)    as cohort_month
    from fact_events
    where is_first_touch
),

cohort as (
    select cohort_month, count(*) as clients
    from client
    group by cohort_month
),

contract as (
    select
        client.cohort_month                              as cohort_month,
        cast(
            (date_part('year', contract.contract_date) - date_part('year', client.cohort_month)) * 12
            + date_part('month', contract.contract_date) - date_part('month', client.cohort_month)
            as bigint
        )                                                as months_since,
        contract.client_id                               as client_id,
        contract.contract_amount                         as contract_amount
    from fact_contracts as contract
    inner join client on contract.client_id = client.client_id
),

month as (
    select
        cohort_month,
        months_since,
        count(distinct client_id)                        as converted_clients,
        count(*)                                         as contracts,
        coalesce(sum(contract_amount), 0)                as revenue
    from contract
    group by cohort_month, months_since
),

calendar as (
    select
        cohort.cohort_month                              as cohort_month,
        cohort.clients                                   as clients,
        unnest(generate_series(
            least(0, coalesce(min(month.months_since), 0)),
            greatest(0, coalesce(max(month.months_since), 0))
        ))                                               as months_since
    from cohort
    left join month on cohort.cohort_month = month.cohort_month
    group by cohort.cohort_month, cohort.clients
)

select
    calendar.cohort_month                                as cohort_month,
    calendar.months_since                                as months_since,
    calendar.clients                                     as clients,
    coalesce(month.converted_clients, 0)                 as converted_clients,
    coalesce(month.contracts, 0)                         as contracts,
    coalesce(month.revenue, 0)                           as revenue,
    ratio(
        sum(coalesce(month.revenue, 0)) over (
            partition by calendar.cohort_month order by calendar.months_since
        ),
        calendar.clients,
        2
    )                                                    as cumulative_revenue_per_client
from calendar
left join month
    on calendar.cohort_month = month.cohort_month and calendar.months_since = month.months_since
order by cohort_month, months_since
