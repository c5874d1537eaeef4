-- Which touch earned how much of which contract, by which model: why does this contract
-- belong to that campaign. Touches without credit are left out.
--
-- grain:  contract_source_id, event_source_id, model
-- column: contract_source_id  bigint not null  the contract's event
-- column: event_source_id  bigint not null  the touch
-- column: model  text not null  the attribution model
-- column: platform  text not null  the touch's platform
-- column: channel  text not null  its channel
-- column: campaign_id  text  its campaign
-- column: touch_sequence_number  integer not null  its place in the client's touches
-- column: weight  double not null  its share of the contract; shares sum to 1 per contract and model
-- column: revenue  decimal(18,2) not null  its share of the money, in whole cents that sum to the amount
select
    contract_source_id                                   as contract_source_id,
    event_source_id                                      as event_source_id,
    model                                                as model,
    platform                                             as platform,
    channel                                              as channel,
    campaign_id                                          as campaign_id,
    touch_sequence_number                                as touch_sequence_number,
    weight                                               as weight,
    revenue                                              as revenue
from touch_credit('path_touches', $models, $lookback_days)
order by contract_source_id, event_source_id, model
