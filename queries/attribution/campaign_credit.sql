-- Credit by model, platform, channel and campaign: what the attribution tables add up.
--
-- Weights are added as decimals of 18 digits, because a sum of floats would depend on the
-- order in which threads meet it.
--
-- view:   kept
select
    model                                                as model,
    platform                                             as platform,
    channel                                              as channel,
    campaign_id                                          as campaign_id,
    campaign_name                                        as campaign_name,
    sum(cast(weight as decimal(38, 18)))                 as conversions,
    sum(revenue)                                         as revenue
from touch_credit('path_touches', $models, $lookback_days)
group by model, platform, channel, campaign_id, campaign_name
