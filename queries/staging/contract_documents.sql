-- Contract documents with a price, and which of them counts for its event.
--
-- When several documents point at one event, the one with the latest date counts, then the
-- one with the highest id. Documents without a price do not compete.
--
-- view:   yes
-- column: contract_id  bigint  the document
-- column: id_source  bigint  the event it belongs to, null when unknown
-- column: contract_date  timestamp  when it was signed
-- column: contract_amount  decimal(18,2)  its price
-- column: counts  boolean not null  whether it is the one that counts for its event
select
    contract_id                                          as contract_id,
    id_source                                            as id_source,
    currentdate                                          as contract_date,
    total_cost_of_the_contract                           as contract_amount,
    id_source is not null and row_number() over (
        partition by id_source
        order by currentdate desc nulls last, contract_id desc, total_cost_of_the_contract desc
    ) = 1                                                as counts
from raw.itcrm_docs_clients
where total_cost_of_the_contract > 0
