-- How long contracts take from the path's first touch.
--
-- grain:  bucket
-- column: bucket  text not null  calendar days: before first touch, 0, 1-3, 4-7, 8-14, 15-30, 31-60, 61+
-- column: contracts  bigint not null  contracts
-- column: revenue  decimal(18,2) not null  their money
with

contract as (
    select
        contract_amount,
        case
            when days_to_convert < 0 then 'before first touch'
            when days_to_convert = 0 then '0'
            when days_to_convert <= 3 then '1-3'
            when days_to_convert <= 7 then '4-7'
            when days_to_convert <= 14 then '8-14'
            when days_to_convert <= 30 then '15-30'
            when days_to_convert <= 60 then '31-60'
            else '61+'
        end                                              as bucket
    from fact_contracts
)

select
    bucket                                               as bucket,
    count(*)                                             as contracts,
    coalesce(sum(contract_amount), 0)                    as revenue
from contract
group by bucket
order by bucket
