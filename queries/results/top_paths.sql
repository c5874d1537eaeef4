-- Contracts and money by path.
--
-- grain:  path
-- column: path  text not null  the platforms in order, joined by " > "
-- column: contracts  bigint not null  contracts
-- column: revenue  decimal(18,2) not null  their money
-- column: clients  bigint not null  clients with such a contract
with

contract as (
    select
        client_id,
        contract_amount,
        array_to_string(journey, ' > ')                  as path
    from fact_contracts
)

select
    path                                                 as path,
    count(*)                                             as contracts,
    coalesce(sum(contract_amount), 0)                    as revenue,
    count(distinct client_id)                            as clients
from contract
group by path
order by path
