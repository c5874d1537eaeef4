-- What became of each contract document with a price.
--
-- view:   yes
-- column: contract_id  bigint  the document
-- column: fate  text not null  counts, passed over, no event or event left out
-- column: contract_amount  decimal(18,2)  its price
select
    document.contract_id                                 as contract_id,
    case
        when fact.event_source_id is not null and document.counts then 'counts'
        when fact.event_source_id is not null then 'passed over'
        when event.id_source is not null then 'event left out'
        else 'no event'
    end                                                  as fate,
    document.contract_amount                             as contract_amount
from contract_documents as document
left join fact_events as fact on document.id_source = fact.event_source_id
left join stg.crm_events as event on document.id_source = event.id_source
