-- How many touches contracts take.
--
-- grain:  total_touches
-- column: total_touches  integer not null  touches of the path, the contract's event included
-- column: contracts  bigint not null  contracts
-- column: revenue  decimal(18,2) not null  their money
select
    total_touches                                        as total_touches,
    count(*)                                             as contracts,
    coalesce(sum(contract_amount), 0)                    as revenue
from fact_contracts
group by total_touches
order by total_touches
