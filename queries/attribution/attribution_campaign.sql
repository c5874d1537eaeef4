-- Contracts and money by attribution model, platform and campaign.
--
-- grain:  model, platform, campaign_id, campaign_name
-- column: model  text not null  the attribution model
-- column: platform  text not null  the touches' platform
-- column: campaign_id  text  null for touches that no ad account knows
-- column: campaign_name  text  as staged
-- column: conversions  double not null  contracts, in fractions
-- column: revenue  decimal(18,2) not null  money
select
    model                                                as model,
    platform                                             as platform,
    campaign_id                                          as campaign_id,
    campaign_name                                        as campaign_name,
    cast(sum(conversions) as double)                     as conversions,
    sum(revenue)                                         as revenue
from campaign_credit
group by model, platform, campaign_id, campaign_name
order by model, platform, campaign_id, campaign_name
