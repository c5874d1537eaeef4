-- Every contract, its path and who gets it: the last paid touch of the path; without one
-- the first touch, when there was a touch before the contract; else the contract's own.
--
-- grain:  contract_source_id
-- column: contract_source_id  bigint not null  the contract's event
-- column: client_id  bigint not null  the client
-- column: contract_date  timestamp not null  when
-- column: contract_day  date not null  the day of contract_date
-- column: contract_amount  decimal(18,2)  null when neither document nor event has one
-- column: event_platform  text not null  the platform of the contract's own event
-- column: attribution_rule  text not null  last_paid_touch, first_touch or event_platform
-- column: attributed_source_id  bigint not null  the touch that gets the contract
-- column: attributed_platform  text not null  its platform
-- column: attributed_channel  text not null  its channel
-- column: attributed_campaign_id  text  its campaign
-- column: attributed_campaign_name  text  its campaign's name
-- column: first_touch_date  timestamp not null  the path's first touch
-- column: first_touch_platform  text not null  its platform
-- column: first_touch_channel  text not null  its channel
-- column: last_paid_date  timestamp  the path's last paid touch, null when there is none
-- column: last_paid_platform  text  its platform
-- column: total_touches  integer not null  touches of the path, the contract's event included
-- column: days_to_convert  integer not null  calendar days from the path's first touch to contract_date
-- column: platforms_in_journey  list<text> not null  distinct, sorted
-- column: journey  list<text> not null  the platforms of the path, in order
with

path as (
    select
        contract,
        first_touch,
        last_paid_touch,
        total_touches,
        platforms,
        case
            when last_paid_touch is not null then 'last_paid_touch'
            when total_touches > 1 then 'first_touch'
            else 'event_platform'
        end                                              as attribution_rule
    from contract_paths('path_touches', $lookback_days)
),

attributed as (
    select
        *,
        case attribution_rule
            when 'last_paid_touch' then last_paid_touch
            when 'first_touch' then first_touch
            else contract
        end                                              as touch
    from path
)

select
    contract['event_source_id']                          as contract_source_id,
    contract['client_id']                                as client_id,
    contract['contract_date']                            as contract_date,
    cast(contract['contract_date'] as date)              as contract_day,
    contract['contract_amount']                          as contract_amount,
    contract['platform']                                 as event_platform,
    attribution_rule                                     as attribution_rule,
    touch['event_source_id']                             as attributed_source_id,
    touch['platform']                                    as attributed_platform,
    touch['channel']                                     as attributed_channel,
    touch['campaign_id']                                 as attributed_campaign_id,
    touch['campaign_name']                               as attributed_campaign_name,
    first_touch['event_date']                            as first_touch_date,
    first_touch['platform']                              as first_touch_platform,
    first_touch['channel']                               as first_touch_channel,
    last_paid_touch['event_date']                        as last_paid_date,
    last_paid_touch['platform']                          as last_paid_platform,
    total_touches                                        as total_touches,
    calendar_days(first_touch['event_date'], contract['contract_date'])
                                                         as days_to_convert,
    sorted_distinct(platforms)                         as platforms_in_journey,
    platforms                                            as journey
from attributed
order by contract_source_id
