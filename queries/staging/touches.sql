-- Every touch with a client and a date since the first day asked for, its contract and its
-- source joined to it; none is lost or multiplied, because the joined keys are unique.
--
-- view:   yes
with

event as (
    select *
    from stg.crm_events
    where
        client_id is not null
        and event_date is not null
        and ($since is null or event_date >= $since)
),

document as (
    select id_source, contract_date, contract_amount
    from contract_documents
    where counts
),

source as (
    select * from stg.source_attribution
),

match as (
    select * from stg.marketing_match
)

select
    event.id_source                                      as event_source_id,
    event.client_id                                      as client_id,
    event.event_date                                     as event_date,
    event.event_type_id                                  as event_type_id,
    event.event_type_name                                as event_type_name,
    document.id_source is not null or coalesce(event.is_contract, false)
                                                         as is_contract,
    coalesce(event.is_rejection, false)                  as is_rejection,
    coalesce(event.is_no_answer, false)                  as is_no_answer,
    case
        when document.id_source is not null then document.contract_amount
        when event.is_contract then event.contract_amount
    end                                                  as contract_amount,
    case
        when document.id_source is not null
            then coalesce(document.contract_date, event.event_date)
        when event.is_contract then coalesce(event.contract_date, event.event_date)
    end                                                  as contract_date,
    platform(match.matched_platform, source.utm_source, source.utm_medium, source.source_type)
                                                         as platform,
    source.source_type                                   as source_type,
    blank_to_null(match.campaign_id)                     as campaign_id,
    match.campaign_name                                  as campaign_name,
    blank_to_null(match.ad_id)                           as ad_id,
    match.ad_name                                        as ad_name,
    blank_to_null(match.adset_id)                        as adset_id,
    match.adset_name                                     as adset_name,
    blank_to_null(match.creative_id)                     as creative_id,
    source.utm_source                                    as utm_source,
    source.utm_medium                                    as utm_medium,
    source.utm_campaign                                  as utm_campaign,
    source.utm_content                                   as utm_content,
    source.utm_term                                      as utm_term,
    blank_to_null(source.fbclid)                         as fbclid,
    blank_to_null(source.gclid)                          as gclid,
    blank_to_null(match.fb_lead_id)                      as fb_lead_id,
    blank_to_null(match.fb_page_id)                      as fb_page_id,
    blank_to_null(match.fb_form_id)                      as fb_form_id,
    match.fb_form_name                                   as fb_form_name,
    match.google_keyword                                 as google_keyword,
    blank_to_null(match.google_ad_group_id)              as google_ad_group_id,
    match.google_ad_group_name                           as google_ad_group_name,
    event.id_user                                        as id_user
from event
left join document on event.id_source = document.id_source
left join source on event.id_source = source.id_source
left join match on event.id_source = match.id_source
