-- Contracts and money by attribution model, platform and channel.
--
-- grain:  model, platform, channel
-- column: model  text not null  the attribution model
-- column: platform  text not null  the touches' platform
-- column: channel  text not null  its channel
-- column: conversions  double not null  contracts, in fractions; they sum to the contracts per model
-- column: revenue  decimal(18,2) not null  money; it sums to the contracts' money per model
select
    model                                                as model,
    platform                                             as platform,
    channel                                              as channel,
    cast(sum(conversions) as double)                     as conversions,
    sum(revenue)                                         as revenue
from campaign_credit
group by model, platform, channel
order by model, platform, channel
