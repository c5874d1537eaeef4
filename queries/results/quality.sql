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

figure as (
    select 'input keys are unique' as "check", repeated as figure, 0 as "limit",
        'events that stand on more than one row' as detail
    from quality_totals
    union all
    select 'one first and one last touch per client', bad_ends, 0,
        'touches marked first or last that are not, or the reverse'
    from quality_totals
    union all
    select 'touch sequence is 1 to n', bad_sequences, 0,
        'touches whose number does not follow the one before'
    from quality_totals
    union all
    select 'events in are events out and left out', abs(staged_events - events - left_out_events),
        0, 'events unaccounted for'
    from quality_totals
    union all
    select 'money of documents is accounted for',
        abs(money_priced - money_documented - money_not_counted), 0,
        'money of documents that is neither in contracts nor among those not counted'
    from quality_totals
    union all
    select 'money of contracts is documented or staged',
        abs(money - money_documented - money_staged), 0,
        'money of contracts that is in neither'
    from quality_totals
    union all
    select 'credit of each contract is its amount', bad_credit, 0,
        'contracts and models whose credit is another sum, to the cent, or whose weights do not sum to 1'
    from quality_totals
    union all
    select 'every model credits every contract', abs(contracts * models - credited_paths), 0,
        'contracts that a model gave to nobody'
    from quality_totals
    union all
    select 'credit of each model is the contracts'' money', bad_models, 0,
        'models whose total is another sum, to the cent'
    from quality_totals
    union all
    select 'events on unknown or direct', coalesce(ratio(100 * unknown, events, 2), 0), null,
        'per cent of events'
    from quality_totals
    union all
    select 'first touches on unknown or direct',
        coalesce(ratio(100 * unknown_first, first_touches, 2), 0), null,
        'per cent of first touches'
    from quality_totals
    union all
    select 'contracts dated before the first touch', before_first_touch, null, 'contracts'
    from quality_totals
    union all
    select 'contracts without amount', without_amount, null, 'contracts'
    from quality_totals
    union all
    select 'ties on event_date', ties, null,
        'touches at the very time of the client''s touch before; their order is that of the ids'
    from quality_totals
    union all
    select 'documents passed over', passed_over, null,
        concat('documents of an event that another counts for, ', cast(money_passed_over as text), ' in all')
    from quality_totals
    union all
    select 'documents without event', no_event, null,
        concat('documents whose event is not there, ', cast(money_no_event as text), ' in all')
    from quality_totals
    union all
    select 'documents of events left out', event_left_out, null,
        concat('documents of events that no path holds, ', cast(money_event_left_out as text), ' in all')
    from quality_totals
    union all
    select 'events left out', left_out_events, null, 'events; the notes of the run say why'
    from quality_totals
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
