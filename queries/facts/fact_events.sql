-- Every touch of every client, in the order of its client's path, with its platform,
-- channel and what the platform was told by.
--
-- grain:  event_source_id
-- order:  client_id, touch_sequence_number
-- column: event_id  bigint not null  the CRM's id of the event
-- column: event_source_id  bigint not null  the same
-- column: client_id  bigint not null  the client
-- column: event_date  timestamp not null  when, in the lake's time zone
-- column: event_day  date not null  the day of event_date
-- column: event_type_id  integer  the CRM's event type
-- column: event_type_name  text  its name
-- column: is_first_touch  boolean not null  the client's first touch since the first day asked for
-- column: is_last_touch  boolean not null  the client's last touch
-- column: is_contract  boolean not null  whether the event is a contract
-- column: is_rejection  boolean not null  null is false
-- column: is_no_answer  boolean not null  null is false
-- column: touch_sequence_number  integer not null  1, 2, 3 … per client by (event_date, event_source_id)
-- column: contract_amount  decimal(18,2)  contracts only
-- column: contract_date  timestamp  contracts only; the event's own date when the contract has none
-- column: days_to_contract  integer  contracts only: calendar days from the client's first touch
-- column: platform  text not null  by the platform rules
-- column: channel  text not null  by the platform
-- column: source_type  text  as staged
-- column: campaign_id  text  blank is null
-- column: campaign_name  text  as staged
-- column: ad_id  text  blank is null
-- column: ad_name  text  as staged
-- column: adset_id  text  blank is null
-- column: adset_name  text  as staged
-- column: creative_id  text  blank is null
-- column: utm_source  text  as staged
-- column: utm_medium  text  as staged
-- column: utm_campaign  text  as staged
-- column: utm_content  text  as staged
-- column: utm_term  text  as staged
-- column: fbclid  text  blank is null, never lower-cased
-- column: gclid  text  blank is null, never lower-cased
-- column: fb_lead_id  text  blank is null
-- column: fb_page_id  text  blank is null
-- column: fb_form_id  text  blank is null
-- column: fb_form_name  text  as staged
-- column: google_keyword  text  as staged
-- column: google_ad_group_id  text  blank is null
-- column: google_ad_group_name  text  as staged
-- column: attribution_method  text not null  what the platform was told by
-- column: attribution_confidence  integer not null  100 (click id) to 30 (nothing)
-- column: has_campaign_data  boolean not null  campaign_id is not null
-- column: has_creative_data  boolean not null  creative_id is not null
-- column: id_user  bigint  the CRM operator
select
    event_source_id                                      as event_id,
    event_source_id                                      as event_source_id,
    client_id                                            as client_id,
    event_date                                           as event_date,
    cast(event_date as date)                             as event_day,
    event_type_id                                        as event_type_id,
    event_type_name                                      as event_type_name,
    is_first_touch                                       as is_first_touch,
    is_last_touch                                        as is_last_touch,
    is_contract                                          as is_contract,
    is_rejection                                         as is_rejection,
    is_no_answer                                         as is_no_answer,
    touch_sequence_number                                as touch_sequence_number,
    contract_amount                                      as contract_amount,
    contract_date                                        as contract_date,
    case when is_contract then calendar_days(first_touch_date, contract_date) end
                                                         as days_to_contract,
    platform                                             as platform,
    channel(platform)                                    as channel,
    source_type                                          as source_type,
    campaign_id                                          as campaign_id,
    campaign_name                                        as campaign_name,
    ad_id                                                as ad_id,
    ad_name                                              as ad_name,
    adset_id                                             as adset_id,
    adset_name                                           as adset_name,
    creative_id                                          as creative_id,
    utm_source                                           as utm_source,
    utm_medium                                           as utm_medium,
    utm_campaign                                         as utm_campaign,
    utm_content                                          as utm_content,
    utm_term                                             as utm_term,
    fbclid                                               as fbclid,
    gclid                                                as gclid,
    fb_lead_id                                           as fb_lead_id,
    fb_page_id                                           as fb_page_id,
    fb_form_id                                           as fb_form_id,
    fb_form_name                                         as fb_form_name,
    google_keyword                                       as google_keyword,
    google_ad_group_id                                   as google_ad_group_id,
    google_ad_group_name                                 as google_ad_group_name,
    attribution_method(fbclid, gclid, campaign_id, utm_source, utm_campaign, source_type)
                                                         as attribution_method,
    attribution_confidence(fbclid, gclid, campaign_id, utm_source, utm_campaign, source_type)
                                                         as attribution_confidence,
    campaign_id is not null                              as has_campaign_data,
    creative_id is not null                              as has_creative_data,
    id_user                                              as id_user
from sequence_touches('touches')
order by client_id, touch_sequence_number
