-- What attribution reads of a touch.
--
-- A paid touch has channel `paid` and a campaign: paid traffic that no ad account knows
-- cannot take credit from one that it does.
--
-- view:   yes
select
    client_id,
    event_source_id,
    touch_sequence_number,
    event_date,
    platform,
    channel,
    campaign_id,
    campaign_name,
    is_contract,
    contract_amount,
    contract_date,
    channel = 'paid' and campaign_id is not null         as is_paid,
    channel = 'direct'                                   as is_direct
from fact_events
