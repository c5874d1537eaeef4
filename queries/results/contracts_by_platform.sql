-- Contracts and money by the platform that earned them.
--
-- grain:  attributed_platform
-- column: attributed_platform  text not null  see fact_contracts
-- column: contracts  bigint not null  contracts
-- column: revenue  decimal(18,2) not null  their money
-- column: avg_touches  decimal(18,1) not null  mean touches of their paths
-- column: avg_days  decimal(18,1) not null  mean days_to_convert
select
    attributed_platform                                  as attributed_platform,
    count(*)                                             as contracts,
    coalesce(sum(contract_amount), 0)                    as revenue,
    ratio(sum(total_touches), count(*), 1)               as avg_touches,
    ratio(sum(days_to_convert), count(*), 1)             as avg_days
from fact_contracts
group by attributed_platform
order by attributed_platform
