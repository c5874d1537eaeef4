-- The figures behind the quality checks, each computed once, in one row.
--
-- view:   kept
with

-- The events lie in the order of their clients' paths: neighbours tell whether the marks
-- and numbers are right, and no client has to be gathered.
neighbour as (
    select
        client_id,
        event_date,
        touch_sequence_number,
        is_first_touch,
        is_last_touch,
        platform,
        lag(client_id) over path                         as client_before,
        lag(event_date) over path                        as date_before,
        lag(touch_sequence_number) over path             as number_before,
        lead(client_id) over path                        as client_after
    from fact_events
    window path as (order by client_id, touch_sequence_number)
),

event_total as (
    select
        count(*)                                         as events,
        count(*) filter (
            where is_first_touch <> (client_before is distinct from client_id)
                or is_last_touch <> (client_after is distinct from client_id)
        )                                                as bad_ends,
        count(*) filter (
            where touch_sequence_number <> case
                when client_before is distinct from client_id then 1
                else number_before + 1
            end
        )                                                as bad_sequences,
        count(*) filter (where client_before = client_id and date_before = event_date)
                                                         as ties,
        count(*) filter (where platform in ('unknown', 'direct')) as unknown,
        count(*) filter (where is_first_touch)           as first_touches,
        count(*) filter (where is_first_touch and platform in ('unknown', 'direct'))
                                                         as unknown_first
    from neighbour
),

key_total as (
    select count(*) as repeated
    from (
        select event_source_id
        from fact_events
        group by event_source_id
        having count(*) > 1
    )
),

staged as (
    select count(*) as staged_events from stg.crm_events
),

left_out_total as (
    select coalesce(sum(events), 0) as left_out_events from left_out
),

document as (
    select
        coalesce(sum(documents) filter (where fate = 'passed over'), 0) as passed_over,
        coalesce(sum(documents) filter (where fate = 'no event'), 0) as no_event,
        coalesce(sum(documents) filter (where fate = 'event left out'), 0) as event_left_out,
        coalesce(sum(money) filter (where fate <> 'counts'), 0) as money_not_counted,
        coalesce(sum(money) filter (where fate = 'passed over'), 0) as money_passed_over,
        coalesce(sum(money) filter (where fate = 'no event'), 0) as money_no_event,
        coalesce(sum(money) filter (where fate = 'event left out'), 0) as money_event_left_out
    from document_fates
),

-- Summed from the documents themselves, not from what became of them.
priced as (
    select coalesce(sum(total_cost_of_the_contract), 0) as money_priced
    from raw.itcrm_docs_clients
    where total_cost_of_the_contract > 0
),

counting as (
    select id_source from contract_documents where counts
),

contract as (
    select
        count(*)                                         as contracts,
        coalesce(sum(contract.contract_amount), 0)       as money,
        coalesce(sum(contract.contract_amount) filter (where counting.id_source is not null), 0)
                                                         as money_documented,
        count(*) filter (where contract.contract_amount is null) as without_amount,
        count(*) filter (where contract.days_to_convert < 0) as before_first_touch
    from fact_contracts as contract
    left join counting on contract.contract_source_id = counting.id_source
),

-- Staged contracts are summed from the staged events themselves, not from the contracts.
staged_contract as (
    select coalesce(sum(event.contract_amount), 0) as money_staged
    from (
        select event.id_source, event.contract_amount
        from stg.crm_events as event
        left join counting on event.id_source = counting.id_source
        where event.is_contract and counting.id_source is null
    ) as event
    inner join fact_events as fact on event.id_source = fact.event_source_id
),

credit as (
    select
        contract_source_id,
        model,
        sum(revenue)                                     as revenue,
        sum(weight)                                      as weight
    from attribution_credit
    group by contract_source_id, model
),

credit_total as (
    select
        count(*) filter (
            where contract.contract_source_id is null
                or credit.revenue <> coalesce(contract.contract_amount, 0)
                or abs(credit.weight - 1) > 1e-9
        )                                                as bad_credit,
        count(*)                                         as credited_paths,
        count(distinct credit.model)                     as models
    from credit
    left join fact_contracts as contract
        on credit.contract_source_id = contract.contract_source_id
),

model_total as (
    select count(*) filter (where attribution.revenue <> contract.money) as bad_models
    from (select model, sum(revenue) as revenue from attribution group by model) as attribution
    cross join contract
)

select *
from event_total
cross join key_total
cross join staged
cross join left_out_total
cross join document
cross join priced
cross join contract
cross join staged_contract
cross join credit_total
cross join model_total
