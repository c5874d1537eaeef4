-- What `touchpath run` computes, written a second time as DuckDB SQL.
--
-- In: the views in_events, in_attribution, in_match, in_documents (typed by run_duckdb.py)
-- and the variables since (date or null), lookback_days (integer or null), models (list).
-- Out: the statements headed `dataset:` are written as Parquet by run_duckdb.py; those
-- headed `step:` are run as they stand. A statement ends with a semicolon at a line's end.
-- Money is summed as decimals and split as integer cents; only time_decay uses doubles.

-- step: floor_division
-- Towards minus infinity, for integers; `//` cuts towards zero. The divisor is positive.
create or replace temp macro floor_division(dividend, divisor) as
    case
        when dividend >= 0 then dividend // divisor
        else -((divisor - 1 - dividend) // divisor)
    end;

-- step: ratio
-- dividend / divisor as a decimal of so many digits, rounded half away from zero, in
-- integers only; null on a zero divisor.
create or replace temp macro scaled_ratio(dividend, divisor, unit) as
    case
        when divisor = 0 then null
        else sign(dividend)::hugeint
            * ((2 * abs(dividend::hugeint) * unit + divisor) // (2 * divisor::hugeint))
    end;

-- step: ratio2
create or replace temp macro ratio2(dividend, divisor) as
    (scaled_ratio(dividend, divisor, 100)::decimal(28, 0) * 0.01::decimal(2, 2))::decimal(18, 2);

-- step: ratio1
create or replace temp macro ratio1(dividend, divisor) as
    (scaled_ratio(dividend, divisor, 10)::decimal(28, 0) * 0.1::decimal(1, 1))::decimal(18, 1);

-- step: ratio0
create or replace temp macro ratio0(dividend, divisor) as
    scaled_ratio(dividend, divisor, 1)::decimal(18, 0);

-- step: cents
create or replace temp macro cents(amount) as (amount * 100)::hugeint;

-- step: money
create or replace temp macro money(whole_cents) as
    (whole_cents::decimal(28, 0) * 0.01::decimal(2, 2))::decimal(18, 2);

-- step: is_blank
-- Nothing but Unicode white space. Empty text and text that begins with printable ASCII or
-- Cyrillic are settled by comparing; trimming by a list of characters is 20 times as slow.
create or replace temp macro is_blank(value) as
    case
        when value = '' then true
        when value >= '!' and value < chr(127) then false
        when value >= chr(1024) and value < chr(1328) then false
        else trim(value, getvariable('white_space')) = ''
    end;

-- step: comparable
-- Trimmed and lower-cased; blank is null. Applied right at the scan, where repeated text is
-- still a dictionary and is trimmed once per distinct value; a `case` would undo that.
create or replace temp macro comparable(value) as
    nullif(lower(trim(value, getvariable('white_space'))), '');

-- step: blank_id_is_null
create or replace temp macro blank_id_is_null(value) as
    case when is_blank(value) then null else value end;

-- step: winning_document
-- One document with money per event: latest date (null last), then highest contract_id.
create or replace temp table winning_document as
select
    id_source,
    document_date,
    amount
from in_documents
where amount > 0 and id_source is not null
qualify row_number() over (
    partition by id_source
    order by document_date desc nulls last, contract_id desc nulls last, amount desc
) = 1;

-- step: ordered_event
-- The touches that count, numbered per client, with what the client as a whole says.
create or replace temp table ordered_event as
select
    *,
    row_number() over client_order                               as touch_sequence_number,
    lead(id_source) over client_order is null                    as is_last_touch,
    first_value(event_date) over client_order                    as client_first_date
from in_events
where client_id is not null
    and event_date is not null
    and (getvariable('since') is null or event_date >= getvariable('since')::timestamp)
window client_order as (
    partition by client_id order by event_date, id_source
    rows between unbounded preceding and current row
);

-- step: touch
-- All of fact_events but the text columns that are only carried over.
create or replace temp table touch as
with

signal as (
    select
        id_source,
        comparable(source_type)                   as source_type,
        comparable(utm_source)                    as utm_source,
        comparable(utm_medium)                    as utm_medium,
        not is_blank(utm_campaign)                as has_utm_campaign,
        not is_blank(fbclid)                      as has_fbclid,
        not is_blank(gclid)                       as has_gclid
    from in_attribution
),

matched as (
    select
        id_source,
        comparable(matched_platform)              as matched_platform,
        blank_id_is_null(campaign_id)             as campaign_id,
        campaign_name
    from in_match
),

joined as (
    select
        ordered_event.* exclude (is_contract),
        winning_document.id_source is not null
            or coalesce(ordered_event.is_contract, false) as is_contract,
        case
            when winning_document.id_source is not null then winning_document.amount
            else ordered_event.contract_amount
        end                                       as stated_amount,
        case
            when winning_document.id_source is not null then winning_document.document_date
            else ordered_event.contract_date
        end                                       as stated_date,
        signal.source_type                        as st,
        signal.utm_source                         as us,
        signal.utm_medium                         as um,
        matched.matched_platform                  as mp,
        signal.has_utm_campaign,
        signal.has_fbclid,
        signal.has_gclid,
        matched.campaign_id,
        matched.campaign_name
    from ordered_event
    left join signal on signal.id_source = ordered_event.id_source
    left join matched on matched.id_source = ordered_event.id_source
    left join winning_document on winning_document.id_source = ordered_event.id_source
),

named as (
    select
        *,
        case
            when mp in ('facebook', 'instagram', 'google', 'tiktok', 'linkedin') then mp
            when us = 'email' or um = 'email' then 'email'
            when us = 'viber' or contains(st, 'viber') then 'viber'
            when us in ('telegram', 'tg') or contains(st, 'telegram') then 'telegram'
            when contains(st, 'event') then 'event'
            when contains(st, 'form') then 'form'
            when mp = 'paid_other' then 'paid_other'
            when contains(st, 'organic') then 'organic'
            when st = 'referral' then 'referral'
            else coalesce(mp, st, 'direct')
        end                                       as platform
    from joined
)

select
    id_source,
    client_id,
    event_date,
    touch_sequence_number,
    is_last_touch,
    client_first_date,
    event_type_id,
    event_type_name,
    coalesce(is_rejection, false)                 as is_rejection,
    coalesce(is_no_answer, false)                 as is_no_answer,
    id_user,
    is_contract,
    case when is_contract then stated_amount end  as contract_amount,
    case when is_contract then coalesce(stated_date, event_date) end as contract_date,
    platform,
    case
        when platform in (
            'facebook', 'instagram', 'google', 'tiktok', 'linkedin',
            'paid_other', 'paid_search', 'paid_social'
        ) then 'paid'
        when platform in ('email', 'promo_email') then 'email'
        when platform in ('viber', 'telegram', 'promo_messenger') then 'messaging'
        when platform in ('event', 'form', 'organic') then platform
        when platform in ('referral', 'promo_partner') then 'referral'
        else 'direct'
    end                                           as channel,
    campaign_id,
    campaign_name,
    case
        when has_fbclid then 'fbclid_match'
        when has_gclid then 'gclid_match'
        when campaign_id is not null then 'marketing_match'
        when us is not null then 'utm_heuristic'
        when st <> 'unknown' then 'crm_manual'
        else 'unknown'
    end                                           as attribution_method,
    case
        when has_fbclid then 100
        when has_gclid then 100
        when campaign_id is not null then 90
        when us is not null and has_utm_campaign then 80
        when us is not null then 70
        when st <> 'unknown' then 60
        else 30
    end                                           as attribution_confidence
from named;

-- step: drop_ordered_event
drop table ordered_event;

-- dataset: fact_events
with

attribution as (
    select
        id_source,
        source_type,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        blank_id_is_null(fbclid)                  as fbclid,
        blank_id_is_null(gclid)                   as gclid
    from in_attribution
),

matched as (
    select
        id_source,
        blank_id_is_null(ad_id)                   as ad_id,
        ad_name,
        blank_id_is_null(adset_id)                as adset_id,
        adset_name,
        blank_id_is_null(creative_id)             as creative_id,
        blank_id_is_null(fb_lead_id)              as fb_lead_id,
        blank_id_is_null(fb_page_id)              as fb_page_id,
        blank_id_is_null(fb_form_id)              as fb_form_id,
        fb_form_name,
        google_keyword,
        blank_id_is_null(google_ad_group_id)      as google_ad_group_id,
        google_ad_group_name
    from in_match
)

select
    touch.id_source                               as event_id,
    touch.id_source                               as event_source_id,
    touch.client_id,
    touch.event_date,
    touch.event_date::date                        as event_day,
    touch.event_type_id,
    touch.event_type_name,
    touch.touch_sequence_number = 1               as is_first_touch,
    touch.is_last_touch,
    touch.is_contract,
    touch.is_rejection,
    touch.is_no_answer,
    touch.touch_sequence_number::integer          as touch_sequence_number,
    touch.contract_amount,
    touch.contract_date,
    (touch.contract_date::date - touch.client_first_date::date)::integer as days_to_contract,
    touch.platform,
    touch.channel,
    attribution.source_type,
    touch.campaign_id,
    touch.campaign_name,
    matched.ad_id,
    matched.ad_name,
    matched.adset_id,
    matched.adset_name,
    matched.creative_id,
    attribution.utm_source,
    attribution.utm_medium,
    attribution.utm_campaign,
    attribution.utm_content,
    attribution.utm_term,
    attribution.fbclid,
    attribution.gclid,
    matched.fb_lead_id,
    matched.fb_page_id,
    matched.fb_form_id,
    matched.fb_form_name,
    matched.google_keyword,
    matched.google_ad_group_id,
    matched.google_ad_group_name,
    touch.attribution_method,
    touch.attribution_confidence::integer         as attribution_confidence,
    touch.campaign_id is not null                 as has_campaign_data,
    matched.creative_id is not null               as has_creative_data,
    touch.id_user
from touch
left join attribution on attribution.id_source = touch.id_source
left join matched on matched.id_source = touch.id_source
order by touch.client_id, touch.touch_sequence_number;

-- step: path_touch
-- Every touch of every contract's path. Touches are in time order, so a path is the run of
-- sequence numbers from its first touch to the contract event.
create or replace temp table path_touch as
select
    contract.id_source                            as contract_source_id,
    touch.id_source                               as event_source_id,
    touch.touch_sequence_number                   as sequence,
    touch.event_date,
    touch.platform,
    touch.channel,
    touch.campaign_id,
    touch.campaign_name,
    touch.channel = 'paid' and touch.campaign_id is not null as is_paid,
    touch.channel <> 'direct'                     as is_not_direct,
    epoch_us(contract.event_date) - epoch_us(touch.event_date) as age_us
from touch
inner join (select * from touch where is_contract) as contract
    on contract.client_id = touch.client_id
    and touch.touch_sequence_number <= contract.touch_sequence_number
where getvariable('lookback_days') is null
    or epoch_us(contract.event_date) - epoch_us(touch.event_date)
        <= getvariable('lookback_days') * 86400000000;

-- step: path
-- One row per contract: its path's length, lists and the touches that rules point at.
create or replace temp table path as
with

pointed as (
    select
        contract_source_id,
        count(*)                                       as touches,
        min(sequence)                                  as first_sequence,
        max(sequence)                                  as last_sequence,
        min(sequence) filter (where is_paid)           as first_paid_sequence,
        max(sequence) filter (where is_paid)           as last_paid_sequence,
        min(sequence) filter (where is_not_direct)     as first_not_direct_sequence,
        max(sequence) filter (where is_not_direct)     as last_not_direct_sequence,
        list(platform order by sequence)               as journey
    from path_touch
    group by contract_source_id
)

select
    pointed.*,
    touch.client_id,
    touch.contract_date,
    touch.contract_amount,
    coalesce(cents(touch.contract_amount), 0)          as amount_cents,
    touch.platform                                     as event_platform
from pointed
inner join touch on touch.id_source = pointed.contract_source_id;

-- step: contract
create or replace temp table contract as
select
    path.contract_source_id,
    path.client_id,
    path.contract_date,
    path.contract_date::date                           as contract_day,
    path.contract_amount,
    path.event_platform,
    case
        when path.last_paid_sequence is not null then 'last_paid_touch'
        when path.touches > 1 then 'first_touch'
        else 'event_platform'
    end                                                as attribution_rule,
    attributed.event_source_id                         as attributed_source_id,
    attributed.platform                                as attributed_platform,
    attributed.channel                                 as attributed_channel,
    attributed.campaign_id                             as attributed_campaign_id,
    attributed.campaign_name                           as attributed_campaign_name,
    first.event_date                                   as first_touch_date,
    first.platform                                     as first_touch_platform,
    first.channel                                      as first_touch_channel,
    last_paid.event_date                               as last_paid_date,
    last_paid.platform                                 as last_paid_platform,
    path.touches::integer                              as total_touches,
    (path.contract_date::date - first.event_date::date)::integer as days_to_convert,
    list_sort(list_distinct(path.journey))             as platforms_in_journey,
    path.journey
from path
inner join path_touch as first
    on first.contract_source_id = path.contract_source_id
    and first.sequence = path.first_sequence
inner join path_touch as attributed
    on attributed.contract_source_id = path.contract_source_id
    and attributed.sequence = coalesce(path.last_paid_sequence, path.first_sequence)
left join path_touch as last_paid
    on last_paid.contract_source_id = path.contract_source_id
    and last_paid.sequence = path.last_paid_sequence;

-- dataset: fact_contracts
select *
from contract
order by contract_source_id;

-- step: credit
create or replace temp table credit as
with

chosen as (
    select contract_source_id, amount_cents, touches, pick.model, pick.sequence
    from path, unnest([
        {'model': 'first_touch', 'sequence': first_sequence},
        {'model': 'last_touch', 'sequence': last_sequence},
        {'model': 'last_paid_touch', 'sequence': coalesce(last_paid_sequence, first_sequence)},
        {'model': 'last_non_direct', 'sequence': coalesce(last_not_direct_sequence, last_sequence)},
        {'model': 'first_paid_touch', 'sequence': coalesce(first_paid_sequence, first_sequence)},
        {'model': 'first_non_direct', 'sequence': coalesce(first_not_direct_sequence, first_sequence)}
    ]) as picks (pick)
),

one_touch as (
    select
        chosen.model,
        path_touch.contract_source_id,
        path_touch.event_source_id,
        path_touch.platform,
        path_touch.channel,
        path_touch.campaign_id,
        path_touch.campaign_name,
        path_touch.sequence,
        1.0::double                                    as weight,
        chosen.amount_cents                            as revenue_cents
    from chosen
    inner join path_touch
        on path_touch.contract_source_id = chosen.contract_source_id
        and path_touch.sequence = chosen.sequence
),

placed as (
    select
        path_touch.*,
        path.amount_cents,
        path.touches,
        path_touch.sequence = path.first_sequence or path_touch.sequence = path.last_sequence
                                                       as is_end
    from path_touch
    inner join path on path.contract_source_id = path_touch.contract_source_id
),

-- Weights as fractions numerator / denominator, one denominator per contract and model.
fraction as (
    select *, 'linear' as model, 1 as numerator, touches as denominator
    from placed
    union all
    select
        *,
        'position_based'                               as model,
        case
            when touches <= 2 then 1
            when is_end then 2 * (touches - 2)
            else 1
        end                                            as numerator,
        case when touches <= 2 then touches else 5 * (touches - 2) end as denominator
    from placed
),

fraction_share as (
    select
        *,
        numerator::double / denominator                as weight,
        floor_division(amount_cents * numerator, denominator::hugeint) as floor_cents,
        amount_cents * numerator
            - floor_division(amount_cents * numerator, denominator::hugeint) * denominator
                                                       as remainder
    from fraction
),

decayed as (
    select
        *,
        pow(2.0, -(age_us / 86400000000.0::double) / 7.0) as raw_weight
    from placed
),

decay_weight as (
    select
        *,
        raw_weight / sum(raw_weight) over (partition by contract_source_id) as weight
    from decayed
),

decay_share as (
    select
        *,
        floor(weight * amount_cents::double + 1e-9)    as floor_share,
        weight * amount_cents::double                  as share
    from decay_weight
),

many_touch as (
    select
        model,
        contract_source_id,
        event_source_id,
        platform,
        channel,
        campaign_id,
        campaign_name,
        sequence,
        weight,
        touches,
        amount_cents,
        floor_cents,
        remainder::double                              as remainder
    from fraction_share
    union all
    select
        'time_decay'                                   as model,
        contract_source_id,
        event_source_id,
        platform,
        channel,
        campaign_id,
        campaign_name,
        sequence,
        weight,
        touches,
        amount_cents,
        floor_share::hugeint                           as floor_cents,
        round(share - floor_share, 6) + 0.0            as remainder
    from decay_share
),

-- `cents_left` is below the number of touches but for time_decay on amounts beyond what a
-- double holds; the division keeps the sum exact there too.
ranked as (
    select
        *,
        row_number() over (
            partition by model, contract_source_id order by remainder desc, sequence
        )                                              as place,
        amount_cents - sum(floor_cents) over (partition by model, contract_source_id)
                                                       as cents_left
    from many_touch
),

every_model as (
    select
        model,
        contract_source_id,
        event_source_id,
        platform,
        channel,
        campaign_id,
        campaign_name,
        sequence,
        weight,
        (floor_cents + floor_division(cents_left, touches::hugeint)
            + case
                when place <= cents_left - touches * floor_division(cents_left, touches::hugeint)
                then 1 else 0
            end)                                       as revenue_cents
    from ranked
    union all
    select * from one_touch
)

select
    model,
    contract_source_id,
    event_source_id,
    platform,
    channel,
    campaign_id,
    campaign_name,
    sequence,
    weight,
    money(revenue_cents)                               as revenue
from every_model
where weight > 0 and list_contains(getvariable('models'), model);

-- dataset: attribution_credit
select
    contract_source_id,
    event_source_id,
    model,
    platform,
    channel,
    campaign_id,
    sequence::integer                                  as touch_sequence_number,
    weight,
    revenue
from credit
order by contract_source_id, event_source_id, model;

-- dataset: attribution
select
    model,
    platform,
    channel,
    sum(weight::decimal(38, 18))::double               as conversions,
    sum(revenue)::decimal(18, 2)                       as revenue
from credit
group by model, platform, channel
order by model, platform, channel;

-- dataset: attribution_campaign
select
    model,
    platform,
    campaign_id,
    campaign_name,
    sum(weight::decimal(38, 18))::double               as conversions,
    sum(revenue)::decimal(18, 2)                       as revenue
from credit
group by model, platform, campaign_id, campaign_name
order by model, platform, campaign_id nulls last, campaign_name nulls last;

-- dataset: model_comparison
with

total as (
    select
        platform,
        model,
        sum(weight::decimal(38, 18))                   as conversions,
        sum(revenue)                                   as revenue
    from credit
    group by platform, model
),

-- The rule of fact_contracts is last_paid_touch, so the base is there whatever models run.
base as (
    select
        attributed_platform                            as platform,
        count(*)::decimal(38, 18)                      as conversions,
        sum(coalesce(contract_amount, 0))              as revenue
    from contract
    group by attributed_platform
),

grain as (
    select platform, model from total
    union
    select platform, model from base, unnest(getvariable('models')) as models (model)
)

select
    platform,
    model,
    coalesce(total.conversions, 0)::double             as conversions,
    coalesce(total.revenue, 0)::decimal(18, 2)         as revenue,
    (coalesce(total.conversions, 0) - coalesce(base.conversions, 0))::double
                                                       as conversions_difference,
    (coalesce(total.revenue, 0) - coalesce(base.revenue, 0))::decimal(18, 2)
                                                       as revenue_difference
from grain
left join total using (platform, model)
left join base using (platform)
order by platform, model;

-- dataset: client_funnel
-- Lists of structs sorted afterwards (by their first field, the sequence): an ordered
-- aggregate sorts each list on its own and takes twice as long.
with

client as (
    select
        client_id,
        count(*)                                       as total_touches,
        min(event_date)                                as first_touch_date,
        max(event_date)                                as last_touch_date,
        count(*) filter (where is_contract)            as total_contracts,
        coalesce(sum(contract_amount), 0)::decimal(18, 2) as total_revenue,
        list_sort(list({
            'sequence': touch_sequence_number,
            'platform': platform,
            'channel': channel,
            'event_type_name': event_type_name
        }))                                            as journey
    from touch
    group by client_id
)

select
    client_id,
    total_touches,
    first_touch_date,
    last_touch_date,
    total_contracts,
    total_revenue,
    list_sort(list_distinct(list_transform(journey, lambda t: t.platform))) as platforms_used,
    list_sort(list_distinct(list_transform(journey, lambda t: t.channel)))  as channels_used,
    list_transform(journey, lambda t: t.platform)        as journey_platforms,
    list_transform(journey, lambda t: t.event_type_name) as journey_events
from client
order by client_id;

-- dataset: platform_touches
with

client_platform as (
    select
        platform,
        client_id,
        count(*)                                       as touches,
        count(*) filter (where is_contract)            as contracts,
        coalesce(sum(contract_amount), 0)              as revenue
    from touch
    group by platform, client_id
)

select
    platform,
    count(*)                                           as unique_clients,
    sum(touches)::bigint                               as total_touches,
    ratio2(sum(touches), count(*))                     as avg_touches_per_client,
    count(*) filter (where contracts > 0)              as clients_who_converted,
    ratio2(100 * count(*) filter (where contracts > 0), count(*)) as conversion_rate_pct,
    sum(revenue)::decimal(18, 2)                       as total_revenue,
    ratio0(
        cents(coalesce(sum(revenue) filter (where revenue > 0), 0)),
        100 * count(*) filter (where revenue > 0)
    )                                                  as avg_revenue_per_converted
from client_platform
group by platform
order by platform;

-- dataset: funnel_daily
select
    event_date::date                                   as day,
    platform,
    channel,
    count(*)                                           as total_events,
    count(distinct client_id)                          as unique_clients,
    count(*) filter (where touch_sequence_number = 1)  as first_touch_events,
    count(*) filter (where is_last_touch)              as last_touch_events,
    count(*) filter (where is_contract)                as contracts,
    coalesce(sum(contract_amount), 0)::decimal(18, 2)  as revenue,
    ratio1(sum(touch_sequence_number), count(*))       as avg_touch_sequence
from touch
group by event_date::date, platform, channel
order by day, platform, channel;

-- dataset: facebook_funnel
select
    event_date::date                                   as day,
    platform,
    campaign_name,
    count(*)                                           as total_events,
    count(distinct client_id)                          as unique_clients,
    count(*) filter (where touch_sequence_number = 1)  as first_touch,
    count(*) filter (where touch_sequence_number > 1 and not is_last_touch) as mid_funnel,
    count(*) filter (where is_last_touch)              as last_touch,
    count(*) filter (where is_contract)                as contracts,
    coalesce(sum(contract_amount), 0)::decimal(18, 2)  as revenue
from touch
where platform in ('facebook', 'instagram')
group by event_date::date, platform, campaign_name
order by day, platform, campaign_name nulls last;

-- dataset: google_funnel
select
    event_date::date                                   as day,
    campaign_name,
    count(*)                                           as total_events,
    count(distinct client_id)                          as unique_clients,
    count(*) filter (where touch_sequence_number = 1)  as first_touch,
    count(*) filter (where touch_sequence_number > 1 and not is_last_touch) as mid_funnel,
    count(*) filter (where is_last_touch)              as last_touch,
    count(*) filter (where is_contract)                as contracts,
    coalesce(sum(contract_amount), 0)::decimal(18, 2)  as revenue
from touch
where platform = 'google'
group by event_date::date, campaign_name
order by day, campaign_name nulls last;

-- dataset: contracts_by_platform
select
    attributed_platform,
    count(*)                                           as contracts,
    sum(coalesce(contract_amount, 0))::decimal(18, 2)  as revenue,
    ratio1(sum(total_touches), count(*))               as avg_touches,
    ratio1(sum(days_to_convert), count(*))             as avg_days
from contract
group by attributed_platform
order by attributed_platform;

-- dataset: cohorts
with

client as (
    select
        client_id,
        date_trunc('month', event_date)::date          as cohort_month
    from touch
    where touch_sequence_number = 1
),

cohort as (
    select cohort_month, count(*) as clients
    from client
    group by cohort_month
),

sold as (
    select
        client.cohort_month,
        12 * (year(contract_date) - year(client.cohort_month))
            + month(contract_date) - month(client.cohort_month) as months_since,
        count(distinct contract.client_id)             as converted_clients,
        count(*)                                       as contracts,
        sum(coalesce(contract.contract_amount, 0))     as revenue
    from contract
    inner join client on client.client_id = contract.client_id
    group by all
),

span as (
    select
        cohort.cohort_month,
        any_value(cohort.clients)                      as clients,
        least(0, min(sold.months_since))               as lowest,
        coalesce(max(sold.months_since), 0)            as highest
    from cohort
    left join sold on sold.cohort_month = cohort.cohort_month
    group by cohort.cohort_month
),

month_row as (
    select cohort_month, clients, unnest(range(lowest, highest + 1)) as months_since
    from span
)

select
    month_row.cohort_month,
    month_row.months_since::integer                    as months_since,
    month_row.clients,
    coalesce(sold.converted_clients, 0)                as converted_clients,
    coalesce(sold.contracts, 0)                        as contracts,
    coalesce(sold.revenue, 0)::decimal(18, 2)          as revenue,
    ratio2(
        cents(sum(coalesce(sold.revenue, 0)) over (
            partition by month_row.cohort_month order by month_row.months_since
        )),
        100 * month_row.clients
    )                                                  as cumulative_revenue_per_client
from month_row
left join sold
    on sold.cohort_month = month_row.cohort_month
    and sold.months_since = month_row.months_since
order by month_row.cohort_month, month_row.months_since;

-- dataset: time_to_contract
select
    case
        when days_to_convert < 0 then 'before first touch'
        when days_to_convert = 0 then '0'
        when days_to_convert <= 3 then '1-3'
        when days_to_convert <= 7 then '4-7'
        when days_to_convert <= 14 then '8-14'
        when days_to_convert <= 30 then '15-30'
        when days_to_convert <= 60 then '31-60'
        else '61+'
    end                                                as bucket,
    count(*)                                           as contracts,
    sum(coalesce(contract_amount, 0))::decimal(18, 2)  as revenue
from contract
group by bucket
order by bucket;

-- dataset: path_length
select
    total_touches,
    count(*)                                           as contracts,
    sum(coalesce(contract_amount, 0))::decimal(18, 2)  as revenue
from contract
group by total_touches
order by total_touches;

-- dataset: top_paths
select
    array_to_string(journey, ' > ')                    as path,
    count(*)                                           as contracts,
    sum(coalesce(contract_amount, 0))::decimal(18, 2)  as revenue,
    count(distinct client_id)                          as clients
from contract
group by path
order by path;

-- dataset: first_touch_vs_full
select
    platform,
    count(*) filter (where touch_sequence_number = 1)  as first_touches,
    count(*)                                           as all_touches,
    ratio2(count(*), count(*) filter (where touch_sequence_number = 1)) as multiplier
from touch
group by platform
order by platform;

-- dataset: summary
select
    count(*)                                           as total_events,
    count(distinct client_id)                          as unique_clients,
    count(*) filter (where touch_sequence_number = 1)  as first_touch_events,
    count(*) filter (where touch_sequence_number > 1)  as mid_and_last_touch_events,
    count(*) filter (where is_contract)                as contracts,
    count(distinct client_id) filter (where is_contract) as clients_with_contracts,
    coalesce(sum(contract_amount), 0)::decimal(18, 2)  as total_revenue,
    count(distinct platform)                           as unique_platforms,
    coalesce(
        ratio2(count(*), count(*) filter (where touch_sequence_number = 1)), 0.00
    )                                                  as data_multiplier
from touch;
