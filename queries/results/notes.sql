-- What a reader of the run must know: rows left out, by reason.
--
-- view:   yes
-- column: note  text not null  one sentence
select concat('left out: ', cast(events as text), ' events ', reason) as note
from left_out
where events > 0
union all
select concat(
    'contract documents not counted: ', cast(documents as text), ' (', fate, '), ',
    cast(money as text), ' in all'
) as note
from document_fates
where fate <> 'counts'
order by note
