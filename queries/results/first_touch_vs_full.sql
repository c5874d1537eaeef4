-- How many touches of a platform a report of first touches alone does not see.
--
-- grain:  platform
-- column: platform  text not null  the touches' platform
-- column: first_touches  bigint not null  first touches
-- column: all_touches  bigint not null  touches
-- column: multiplier  decimal(18,2)  all_touches per first touch, null without first touches
select
    platform                                             as platform,
    count(*) filter (where is_first_touch)               as first_touches,
    count(*)                                             as all_touches,
    ratio(count(*), count(*) filter (where is_first_touch), 2)
                                                         as multiplier
from fact_events
group by platform
order by platform
