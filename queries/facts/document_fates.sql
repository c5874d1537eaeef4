-- What became of the contract documents with a price: how many, and their money.
--
-- view:   kept
-- column: fate  text not null  counts, passed over, no event or event left out
-- column: documents  bigint not null  how many
-- column: money  decimal(38,2)  their prices
select
    case
        when fact.event_source_id is not null and document.counts then 'counts'
        when fact.event_source_id is not null then 'passed over'
        when event.id_source is not null then 'event left out'
        else 'no event'
    end                                                  as fate,
    count(*)                                             as documents,
    sum(document.contract_amount)                        as money
from contract_documents as document
left join fact_events as fact on document.id_source = fact.event_source_id
left join stg.crm_events as event on document.id_source = event.id_source
group by fate
