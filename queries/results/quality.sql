-- What the run checked of itself. A check with a limit fails the run above it; one without
-- is shown only. Settings give limits by the check's name: `[limits] "documents passed over" = 10`.
--
-- grain:  check
-- audit:  quality_passes
-- column: check  text not null  what was looked at
-- column: figure  decimal(38,6) not null  rows, money or per cent, as the detail says
-- column: limit  decimal(38,6)  the most it may be; null is shown only
-- column: passed  boolean not null  whether it is not above its limit
-- column: detail  text not null  what the figure counts
with

client as (
    select
        client_id,
        count(*)                                         as touches,
        count(*) filter (where is_first_touch)           as first_touches,
        count(*) filter (where is_last_touch)            as last_touches,
        min(touch_sequence_number)                       as lowest,
        max(touch_sequence_number)                       as highest,
        count(distinct touch_sequence_number)            as numbers
    from fact_events
    group by client_id
),

client_total as (
    select
        count(*) filter (where first_touches <> 1 or last_touches <> 1) as bad_ends,
        count(*) filter (where lowest <> 1 or highest <> touches or numbers <> touches)
                                                         as bad_sequences
    from client
),

event_total as (
    select
        count(*)                                         as events,
        count(*) - count(distinct event_source_id)       as repeated,
        count(*) filter (where platform in ('unknown', 'direct')) as unknown,
        count(*) filter (where is_first_touch)           as first_touches,
        count(*) filter (where is_first_touch and platform in ('unknown', 'direct'))
                                                         as unknown_first
    from fact_events
),

tie as (
    select count(*) as events
    from (
        select
            client_id,
            event_date,
            lag(client_id) over (order by client_id, touch_sequence_number) as client_before,
            lag(event_date) over (order by client_id, touch_sequence_number) as date_before
        from fact_events
    )
    where client_id = client_before and event_date = date_before
),

staged as (
    select count(*) as events from stg.crm_events
),

left_out_total as (
    select coalesce(sum(events), 0) as events from left_out
),

document as (
    select
        count(*) filter (where fate = 'passed over')     as passed_over,
        count(*) filter (where fate = 'no event')        as no_event,
        count(*) filter (where fate = 'event left out')  as event_left_out,
        coalesce(sum(contract_amount), 0)                as money,
        coalesce(sum(contract_amount) filter (where fate <> 'counts'), 0) as money_not_counted,
        coalesce(sum(contract_amount) filter (where fate = 'passed over'), 0)
                                                         as money_passed_over,
        coalesce(sum(contract_amount) filter (where fate = 'no event'), 0)
                                                         as money_no_event,
        coalesce(sum(contract_amount) filter (where fate = 'event left out'), 0)
                                                         as money_event_left_out
    from document_fate
),

documented_contract as (
    select
        contract.contract_source_id                      as contract_source_id,
        contract.contract_amount                         as contract_amount,
        contract.days_to_convert                         as days_to_convert,
        document.id_source is not null                   as has_document
    from fact_contracts as contract
    left join (select id_source from contract_documents where counts) as document
        on contract.contract_source_id = document.id_source
),

contract as (
    select
        count(*)                                         as contracts,
        coalesce(sum(contract_amount), 0)                as money,
        coalesce(sum(contract_amount) filter (where has_document), 0) as money_documented,
        count(*) filter (where contract_amount is null)  as without_amount,
        count(*) filter (where days_to_convert < 0)      as before_first_touch
    from documented_contract
),

-- Staged contracts are summed from the staged events themselves, not from the contracts.
staged_contract as (
    select coalesce(sum(event.contract_amount), 0)       as money
    from stg.crm_events as event
    inner join fact_events as fact on event.id_source = fact.event_source_id
    left join (select id_source from contract_documents where counts) as document
        on event.id_source = document.id_source
    where event.is_contract and document.id_source is null
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
        )                                                as bad,
        count(*)                                         as paths,
        count(distinct credit.model)                     as models
    from credit
    left join fact_contracts as contract
        on credit.contract_source_id = contract.contract_source_id
),

model_total as (
    select count(*) filter (where attribution.revenue <> contract.money) as bad
    from (select model, sum(revenue) as revenue from attribution group by model) as attribution
    cross join contract
),

figure as (
    select 'input keys are unique' as "check", repeated as figure, 0 as "limit",
        'events that stand on more than one row' as detail
    from event_total
    union all
    select 'one first and one last touch per client', bad_ends, 0,
        'clients with another number of them'
    from client_total
    union all
    select 'touch sequence is 1 to n', bad_sequences, 0, 'clients with gaps or repeats'
    from client_total
    union all
    select 'events in are events out and left out',
        abs(staged.events - event_total.events - left_out_total.events), 0,
        'events unaccounted for'
    from staged cross join event_total cross join left_out_total
    union all
    select 'money of documents is accounted for',
        abs(document.money - contract.money_documented - document.money_not_counted), 0,
        'money of documents that is neither in contracts nor among those not counted'
    from document cross join contract
    union all
    select 'money of contracts is documented or staged',
        abs(contract.money - contract.money_documented - staged_contract.money), 0,
        'money of contracts that is in neither'
    from contract cross join staged_contract
    union all
    select 'credit of each contract is its amount', bad, 0,
        'contracts and models whose credit is another sum, to the cent, or whose weights do not sum to 1'
    from credit_total
    union all
    select 'every model credits every contract',
        abs(contract.contracts * credit_total.models - credit_total.paths), 0,
        'contracts that a model gave to nobody'
    from credit_total cross join contract
    union all
    select 'credit of each model is the contracts'' money', bad, 0,
        'models whose total is another sum, to the cent'
    from model_total
    union all
    select 'events on unknown or direct',
        coalesce(ratio(100 * unknown, events, 2), 0), null, 'per cent of events'
    from event_total
    union all
    select 'first touches on unknown or direct',
        coalesce(ratio(100 * unknown_first, first_touches, 2), 0), null,
        'per cent of first touches'
    from event_total
    union all
    select 'contracts dated before the first touch', before_first_touch, null, 'contracts'
    from contract
    union all
    select 'contracts without amount', without_amount, null, 'contracts'
    from contract
    union all
    select 'ties on event_date', events, null,
        'touches at the very time of the client''s touch before; their order is that of the ids'
    from tie
    union all
    select 'documents passed over', passed_over, null,
        concat('documents of an event that another counts for, ', cast(money_passed_over as text), ' in all')
    from document
    union all
    select 'documents without event', no_event, null,
        concat('documents whose event is not there, ', cast(money_no_event as text), ' in all')
    from document
    union all
    select 'documents of events left out', event_left_out, null,
        concat('documents of events that no path holds, ', cast(money_event_left_out as text), ' in all')
    from document
    union all
    select 'events left out', events, null, 'events; the notes of the run say why'
    from left_out_total
),

limited as (
    select
        figure."check"                                   as "check",
        cast(figure.figure as decimal(38, 6))            as figure,
        coalesce(cast(figure."limit" as decimal(38, 6)), limits."limit") as "limit",
        figure.detail                                    as detail
    from figure
    left join limits on figure."check" = limits."check"
)

select
    "check"                                              as "check",
    figure                                               as figure,
    "limit"                                              as "limit",
    "limit" is null or figure <= "limit"                 as passed,
    detail                                               as detail
from limited
order by "check"
