-- What a reader of the run must know: rows left out, by reason.
--
-- view:   yes
-- column: note  text not null  one sentence
with

document as (
    select
        fate,
        count(*)                                         as documents,
        sum(contract_amount)                             as money
    from document_fate
    where fate <> 'counts'
    group by fate
)

select concat('left out: ', cast(events as text), ' events ', reason) as note
from left_out
where events > 0
union all
select concat(
    'contract documents not counted: ', cast(documents as text), ' (', fate, '), ',
    cast(money as text), ' in all'
) as note
from document
order by note
