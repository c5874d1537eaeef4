-- The funnel of Google by campaign; touches without a campaign's name are a null group.
--
-- grain:  day, campaign_name
-- column: day  date not null  the event's day
-- column: campaign_name  text  as staged
-- column: total_events  bigint not null  touches
-- column: unique_clients  bigint not null  clients with such a touch on that day
-- column: first_touch  bigint not null  first touches of their clients
-- column: mid_funnel  bigint not null  neither first nor last
-- column: last_touch  bigint not null  last touches of their clients
-- column: contracts  bigint not null  contract events
-- column: revenue  decimal(18,2) not null  their money
select
    event_day                                            as day,
    campaign_name                                        as campaign_name,
    count(*)                                             as total_events,
    count(distinct client_id)                            as unique_clients,
    count(*) filter (where is_first_touch)               as first_touch,
    count(*) filter (where not is_first_touch and not is_last_touch)
                                                         as mid_funnel,
    count(*) filter (where is_last_touch)                as last_touch,
    count(*) filter (where is_contract)                  as contracts,
    coalesce(sum(contract_amount), 0)                    as revenue
from fact_events
where platform = 'google'
group by event_day, campaign_name
order by day, campaign_name
