-- Events that no path holds, by reason: the first that applies.
--
-- view:   kept
-- column: reason  text not null  why
-- column: events  bigint not null  how many
select
    case
        when client_id is null then 'without a client'
        when event_date is null then 'without a date'
        else 'before the first day asked for'
    end                                                  as reason,
    count(*)                                             as events
from stg.crm_events
where client_id is null or event_date is null or event_date < $since
group by reason
